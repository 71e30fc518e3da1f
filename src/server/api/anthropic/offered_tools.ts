import type { Tool } from "../../../chat/mod.ts";
import { ShimmyError } from "../../../errors.ts";
import type { MessageParam } from "./blocks.ts";
import type { CountBody } from "./schema.ts";
import { type ClientTool, type ServerSearch, serverSearches } from "./tools.ts";

/** @param field field of the request that has the tool. */
function toTool(tool: ClientTool, field: string): Tool {
  const { name, description, input_schema: schema, input_examples, strict } = tool;
  return {
    name,
    ...(description ? { description } : {}),
    parameters: input_examples ? { ...schema, examples: input_examples } : schema,
    ...(strict ? { strict } : {}),
    field: `${field}.input_schema`,
  };
}

/** A search that the server runs, as the model sees it. */
function toSearch({ name, kind }: ServerSearch): Tool {
  const query = kind === "regex"
    ? "Regular expression that is matched with names, descriptions and arguments of tools"
    : "Words that describe the tool";
  return {
    name,
    description:
      "Finds tools that are not listed here. Call it before a task for which no listed " +
      "tool fits. The result defines the tools, which can be called from then on.",
    parameters: {
      type: "object",
      properties: { query: { type: "string", description: query } },
      required: ["query"],
    },
    field: "tools",
  };
}

/** A tool that a conversation adds or removes. */
type Change =
  | { readonly adds: string | ClientTool }
  | { readonly removes: string };

/** The changes of a conversation to its tools, in order. */
function* changesOf(messages: readonly MessageParam[]): Generator<Change> {
  for (const { content } of messages) {
    if (typeof content === "string") continue;
    for (const block of content) {
      switch (block.type) {
        case "tool_result":
          if (typeof block.content === "string") break;
          for (const part of block.content ?? []) {
            if (part.type === "tool_reference") yield { adds: part.tool_name };
          }
          break;
        case "tool_search_tool_result":
          if (block.content.type !== "tool_search_tool_search_result") break;
          for (const { tool_name } of block.content.tool_references) yield { adds: tool_name };
          break;
        case "tool_addition":
          yield { adds: block.tool.type === "tool_reference" ? block.tool.name : block.tool };
          break;
        case "tool_removal":
          yield { removes: block.tool.name };
      }
    }
  }
}

/** The tools of a request by name. */
export interface OfferedTools {
  /** The tools that the model may call. */
  readonly tools: readonly Tool[];
  /** All tools, including those that are not offered yet, for the text of references. */
  readonly all: ReadonlyMap<string, Tool>;
}

/**
 * The tools that the model may call at the end of the conversation. Deferred tools are not offered until
 * the conversation refers to them. From then on a message describes them, so that the prefix of the
 * prompt, which lists the other tools, stays the same.
 *
 * @throws {ShimmyError} `invalid` when a name is not unique.
 */
export function offeredTools(body: CountBody): OfferedTools {
  const given = body.tools ?? [];
  const chosen = body.tool_choice?.type === "tool" ? body.tool_choice.name : null;
  const all = new Map<string, Tool>();
  const offered = new Map<string, Tool>();
  for (const search of serverSearches(given)) offered.set(search.name, toSearch(search));
  for (const [index, tool] of given.entries()) {
    if (!("input_schema" in tool)) continue;
    if (all.has(tool.name)) {
      throw new ShimmyError("invalid", `tools: '${tool.name}' is not unique`, { field: "tools" });
    }
    all.set(tool.name, toTool(tool, `tools[${index}]`));
    const isDeferred = tool.defer_loading === true && tool.name !== chosen;
    if (!isDeferred) offered.set(tool.name, all.get(tool.name)!);
  }
  for (const change of changesOf(body.messages)) {
    if ("removes" in change) {
      offered.delete(change.removes);
      continue;
    }
    const { adds } = change;
    if (typeof adds !== "string") all.set(adds.name, toTool(adds, "messages"));
    const tool = all.get(typeof adds === "string" ? adds : adds.name);
    if (tool !== undefined && !offered.has(tool.name)) {
      offered.set(tool.name, { ...tool, isInMessages: true });
    }
  }
  return { tools: [...offered.values()], all };
}
