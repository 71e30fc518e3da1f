import type { Context } from "../../../ffi/mod.ts";
import type { PrefixCache } from "../kv_cache/mod.ts";
import type { Sequence } from "./sequence.ts";

/** Tokens at the beginning that are kept. */
const KEPT = 1;

/**
 * Context shift: the stream of a sequence is full, so half of the tokens after the first one are
 * discarded, oldest first.
 */
export function shiftContext(
  sequence: Sequence,
  context: Pick<Context, "removeTokens" | "shiftTokens">,
  cache: PrefixCache,
): void {
  const stream = sequence.stream!;
  const count = (stream.tokens.length - KEPT) >> 1;
  context.removeTokens(stream.id, KEPT, KEPT + count);
  context.shiftTokens(stream.id, KEPT + count, -1, -count);
  sequence.scope = cache.isolate(stream);
  stream.tokens.splice(KEPT, count);
  sequence.forget(KEPT, count);
}
