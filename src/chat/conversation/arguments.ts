import type { ToolCall } from "./conversation.ts";

/**
 * The arguments of a call as an object. It has no members if the text is not the JSON of an object: clients
 * send calls back that the token limit cut, and a conversation must go on after one.
 */
export function argumentsObject(call: Pick<ToolCall, "arguments">): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(call.arguments);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as Record<string, unknown>
      : {};
  } catch {
    return {};
  }
}
