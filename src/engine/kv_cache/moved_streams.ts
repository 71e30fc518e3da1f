import type { KvMemory, KvStream } from "./cached_prefix.ts";
import { type StateParts, type StreamState, toStreams } from "./stream_state.ts";

/** The tokens of a stream on their way to another context. */
export interface MovedStream extends StreamState, Pick<KvStream, "scope" | "lastUsed"> {
  readonly tokens: readonly number[];
}

/**
 * Saves the states of streams, the most recently used first.
 * @param minTokens streams with fewer tokens are left out
 * @param limit maximum bytes in total
 */
export function collectStates(
  memory: KvMemory,
  streams: readonly KvStream[],
  minTokens: number,
  limit: number,
): MovedStream[] {
  const states: MovedStream[] = [];
  let bytes = 0;
  for (
    const { id, tokens, scope, lastUsed } of streams.toSorted((a, b) => b.lastUsed - a.lastUsed)
  ) {
    if (tokens.length < minTokens) continue;
    const size = memory.stateBytes(id, false);
    if (bytes + size > limit) continue;
    bytes += size;
    states.push({
      tokens: [...tokens],
      scope,
      lastUsed,
      state: memory.saveSequence(id),
      partialBytes: memory.stateBytes(id, true),
      streams: memory.streams,
      stream: id % memory.streams,
    });
  }
  return states;
}

/** Restores a moved state into an empty stream. @returns false if it does not fit. */
export function restoreState(
  memory: KvMemory,
  stream: KvStream,
  moved: MovedStream,
  parts: StateParts,
): boolean {
  if (!memory.restoreSequence(stream.id, toStreams(moved, parts, memory.streams))) {
    // libllama keeps the cells of a partly restored state.
    memory.removeTokens(stream.id, -1, -1);
    return false;
  }
  stream.tokens.push(...moved.tokens);
  stream.scope = moved.scope;
  stream.lastUsed = moved.lastUsed;
  return true;
}
