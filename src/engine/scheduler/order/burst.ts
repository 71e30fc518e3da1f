import type { Sequence } from "../sequence.ts";

/** Milliseconds that an answer may wait after its first token for the prompts that came with its own. */
const MOST_MS = 3000;

/** The properties of a sequence that tell whether it belongs to a burst. */
export type BurstSequence =
  & Pick<Sequence, "remaining">
  & Partial<Pick<Sequence, "sampled" | "firstTokenAt" | "hasMedia">>
  & { readonly adapters: Pick<Sequence["adapters"], "key"> };

/**
 * Whether prompts came together with those of the answers that decode: no answer has more than its first
 * token, and as many prompts wait at least. Such prompts are computed before the answers go on: one gap
 * after the first token instead of one for each batch of prompts, and no batches with a few answers.
 *
 * @param msPerToken milliseconds to compute a token of a prompt; 0 if not known
 */
export function isBurst(
  decoding: readonly BurstSequence[],
  prefilling: readonly BurstSequence[],
  now: number,
  msPerToken: number,
): boolean {
  if (decoding.length === 0 || prefilling.length < decoding.length || msPerToken === 0) {
    return false;
  }
  const { key } = prefilling[0]!.adapters;
  let rows = 0;
  for (const { remaining, sampled = 0, hasMedia, adapters } of prefilling) {
    if (sampled > 0 || hasMedia || adapters.key !== key) return false;
    rows += remaining;
  }
  const end = now + rows * msPerToken;
  return decoding.every(({ sampled, firstTokenAt = -Infinity, adapters }) =>
    sampled === 1 && adapters.key === key && end - firstTokenAt <= MOST_MS
  );
}
