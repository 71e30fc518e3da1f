import { argumentsObject } from "../../chat/mod.ts";

/** Arguments of an answered tool call as an object; without members if they were cut. */
export function callArguments(json: string): Record<string, unknown> {
  return argumentsObject({ arguments: json });
}
