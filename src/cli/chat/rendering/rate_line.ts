import type { Timings, Usage } from "../../../engine/protocol/mod.ts";

/** Tokens and rates of an answer in one line. */
export function rateLine(
  { promptTokens, cachedTokens, completionTokens }: Usage,
  { promptPerSecond, predictedPerSecond, firstTokenMs }: Timings,
): string {
  const cached = cachedTokens === 0 ? "" : ` (${cachedTokens} cached)`;
  return [
    `${completionTokens} tokens at ${predictedPerSecond.toFixed(1)} tokens/s`,
    `prompt of ${promptTokens} tokens${cached} at ${promptPerSecond.toFixed(1)} tokens/s`,
    `first token after ${(firstTokenMs / 1000).toFixed(2)} s`,
  ].join("; ");
}
