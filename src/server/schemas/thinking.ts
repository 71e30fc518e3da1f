/** Reasoning levels of chat templates that have them (GPT-OSS). */
export type ThinkingLevel = "low" | "medium" | "high";

/** Levels of the dialects mapped to the three levels of templates. */
export const THINKING_LEVELS = {
  low: "low",
  medium: "medium",
  high: "high",
  xhigh: "high",
  max: "high",
} as const satisfies Record<string, ThinkingLevel>;

/**
 * The template variables that control reasoning: `enable_thinking` (Qwen 3, GLM) and `thinking`
 * (DeepSeek, Granite), and `reasoning_effort` for templates with levels.
 *
 * @param thinks `undefined` selects the default of the template.
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
