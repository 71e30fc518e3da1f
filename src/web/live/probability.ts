/** How probabilities of tokens are shown. */

/** Upper bounds of the probabilities of all levels but the last one. */
const BOUNDS = [0.1, 0.3, 0.6, 0.9] as const;

/** The levels of probability: 0 is the least likely. */
export const LEVELS = BOUNDS.length + 1;

/** The level of a token, from the natural logarithm of its probability. */
export function level(logprob: number): number {
  const probability = Math.exp(logprob);
  const found = BOUNDS.findIndex((bound) => probability < bound);
  return found === -1 ? LEVELS - 1 : found;
}

/** A probability in percent. */
export function probabilityText(logprob: number): string {
  const percent = 100 * Math.exp(logprob);
  if (percent < 0.01) return "< 0.01 %";
  if (percent >= 99.95) return "100 %";
  return `${percent >= 10 ? percent.toFixed(1) : percent.toPrecision(2)} %`;
}

/** The text of a token with visible spaces and line ends. */
export function visibleText(text: string): string {
  if (text === "") return "∅";
  return text.replaceAll("\n", "↵").replaceAll("\t", "⇥").replace(/^ | $/g, "␣");
}
