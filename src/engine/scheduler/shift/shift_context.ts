import type { Context } from "../../../../ffi/mod.ts";
import type { PrefixCache } from "../../kv_cache/mod.ts";
import type { Sequence } from "../sequence.ts";
import { droppedCount, KEPT } from "./dropped_tokens.ts";

/**
 * Context shift: the stream of a sequence is full, so half of the tokens after the first one are
 * discarded, oldest first. Tokens that are not computed yet, such as inserted ones, are computed later.
 */
export function shiftContext(
  sequence: Sequence,
  context: Pick<Context, "removeTokens" | "shiftTokens">,
  cache: PrefixCache,
): void {
  const count = droppedCount(sequence.tokens.length);
  sequence.forget(KEPT, count);
  const { stream } = sequence;
  if (stream === null) {
    // Its tokens are computed anew.
    sequence.scope = sequence.adapters.key;
    return;
  }
  const computed = stream.tokens.length;
  context.removeTokens(stream.id, KEPT, Math.min(KEPT + count, computed));
  if (computed > KEPT + count) context.shiftTokens(stream.id, KEPT + count, -1, -count);
  // Before the tokens change: the index finds the stream by the tokens that it has.
  sequence.scope = cache.isolate(stream);
  stream.tokens.splice(KEPT, count);
}

/**
 * The running sequence whose shifted cells a new sequence can copy: both answers have the same tokens, and
 * their contexts dropped the same ones.
 */
export function shiftedLike(
  { adapters, shifts, wholeTokens }: Sequence,
  running: readonly Sequence[],
): Sequence | undefined {
  return running.find((one) => {
    if (one.adapters.key !== adapters.key || one.shifts !== shifts) return false;
    const others = one.wholeTokens;
    return wholeTokens.every((token, at) => token === others[at]);
  });
}
