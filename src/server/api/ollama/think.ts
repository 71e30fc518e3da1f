import { z } from "zod";
import { THINKING_LEVELS, thinkingArguments } from "../../schemas/thinking.ts";

/** `think` of a request: a switch, or how much. */
export const think = z.union([z.boolean(), z.enum(["low", "medium", "high", "max"])], {
  error: "must be true, false, low, medium, high or max",
}).nullish().describe("Absent: the model's own default");

/** The template variables that `think` stands for. */
export function thinkArguments(value: z.output<typeof think>): Readonly<Record<string, unknown>> {
  if (value === null || value === undefined) return {};
  if (typeof value === "boolean") return thinkingArguments(value);
  return thinkingArguments(true, THINKING_LEVELS[value]);
}
