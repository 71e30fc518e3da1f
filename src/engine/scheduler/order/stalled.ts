import type { Sequence } from "../sequence.ts";

/**
 * Milliseconds for which a paused sequence keeps its place in a full queue. Clients that never read, or
 * pause and leave, would otherwise take all places for ever.
 */
export const STALLED_MS = 60_000;

/** The properties of a sequence that tell how long it has waited for its client. */
export type PausableSequence = Pick<Sequence, "pausedSince">;

/** Of waiting sequences, the one that has been paused for longest; undefined if none was for long. */
export function stalledAmong<S extends PausableSequence>(
  waiting: readonly S[],
  now: number,
): S | undefined {
  return waiting.filter(({ pausedSince }) => now - pausedSince > STALLED_MS)
    .toSorted((a, b) => a.pausedSince - b.pausedSince)[0];
}
