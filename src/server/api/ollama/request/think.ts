import * as z from "zod";
import { ShimmyError } from "../../../../errors.ts";
import { capabilitiesOf, type ModelEntry } from "../../../../models/entry/mod.ts";
import { THINKING_LEVELS, thinkingArguments } from "../../../schemas/mod.ts";

/** `think` of a request: on, off, or a level. */
export const think = z.union([z.boolean(), z.enum(["low", "medium", "high", "max"])], {
  error: "must be true, false, low, medium, high or max",
}).nullish().describe("Default: the default of the model");

/** The template variables of `think`. */
export function thinkArguments(value: z.output<typeof think>): Readonly<Record<string, unknown>> {
  if (value === null || value === undefined) return {};
  if (typeof value === "boolean") return thinkingArguments(value);
  return thinkingArguments(true, THINKING_LEVELS[value]);
}

/**
 * Rejects `think` for models without reasoning, as Ollama does.
 * @throws {ShimmyError} `invalid`.
 */
export function checkThinks(
  value: z.output<typeof think>,
  entry: ModelEntry,
  asked: string,
): void {
  if (!value || capabilitiesOf(entry).includes("thinking")) return;
  throw new ShimmyError("invalid", `"${asked}" does not support thinking`, {
    field: "think",
  });
}
