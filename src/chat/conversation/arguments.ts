import { ShimmyError } from "../../errors.ts";
import type { ToolCall } from "./conversation.ts";

/** The arguments of a call as an object. */
export function argumentsObject(call: ToolCall): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(call.arguments === "" ? "{}" : call.arguments);
  } catch (cause) {
    throw new ShimmyError(
      "invalid",
      `messages: the arguments of the call of '${call.name}' must be the JSON text of an object`,
      { field: "messages", cause },
    );
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new ShimmyError(
    "invalid",
    `messages: the arguments of the call of '${call.name}' must be an object`,
    { field: "messages" },
  );
}
