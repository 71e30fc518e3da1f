import type { Tool } from "./conversation.ts";

/**
 * The definitions of tools as text of a message, for tools that a conversation adds after its begin. The
 * form is that of the tool search of coding agents.
 */
export function toolDefinitions(tools: readonly Tool[]): string {
  const lines = tools.map(({ name, description = "", parameters }) =>
    `<function>${JSON.stringify({ description, name, parameters })}</function>`
  );
  return ["<functions>", ...lines, "</functions>"].join("\n");
}
