/** How much a model is asked to think, in the words of templates that have levels (GPT-OSS). */
export type ThinkingLevel = "low" | "medium" | "high";

/** Names of levels as dialects spell them; templates know three, so the highest ones share one. */
export const THINKING_LEVELS = {
  low: "low",
  medium: "medium",
  high: "high",
  xhigh: "high",
  max: "high",
} as const satisfies Record<string, ThinkingLevel>;

/**
 * The template variables that switch thinking: `enable_thinking` (Qwen 3, GLM) and `thinking`
 * (DeepSeek, Granite), and `reasoning_effort` for templates with levels.
 *
 * @param thinks `undefined` leaves the model its own default.
 */
export function thinkingArguments(
  thinks: boolean | undefined,
  level?: ThinkingLevel,
): Readonly<Record<string, unknown>> {
  return {
    ...(thinks === undefined ? {} : { enable_thinking: thinks, thinking: thinks }),
    ...(level === undefined ? {} : { reasoning_effort: level }),
  };
}
