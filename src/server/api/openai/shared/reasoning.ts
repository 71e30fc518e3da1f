import * as z from "zod";

/** Reasoning efforts of OpenAI's API. */
export const reasoningEffort = z.enum([
  "none",
  "minimal",
  "low",
  "medium",
  "high",
  "xhigh",
  "max",
], { error: "must be none, minimal, low, medium, high, xhigh or max" });

export type ReasoningEffort = z.output<typeof reasoningEffort>;

/** Templates with efforts, such as GPT-OSS, have three levels. */
const TEMPLATE_EFFORT: Readonly<Record<ReasoningEffort, "low" | "medium" | "high">> = {
  none: "low",
  minimal: "low",
  low: "low",
  medium: "medium",
  high: "high",
  xhigh: "high",
  max: "high",
};

/**
 * The template variables of an effort: `reasoning_effort` for templates with levels,
 * `enable_thinking` and `thinking` for those with a switch (Qwen 3 and GLM; DeepSeek and Granite).
 */
export function effortArguments(
  effort: ReasoningEffort | null | undefined,
): Readonly<Record<string, unknown>> {
  if (effort === null || effort === undefined) return {};
  const thinks = effort !== "none";
  return {
    reasoning_effort: TEMPLATE_EFFORT[effort],
    enable_thinking: thinks,
    thinking: thinks,
  };
}
