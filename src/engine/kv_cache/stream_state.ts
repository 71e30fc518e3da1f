/** Magic number and sequence id, which begin the state of a sequence. */
const HEAD = 8;
/** Each part begins with the number of streams, then has the number of cells in each stream. */
const COUNT = 4;

/** The memories that a state consists of, in the order of their parts. */
export type StateParts =
  /** The cells of one KV cache. */
  | "attention"
  /** Layers with full attention, then layers with a sliding window. */
  | "windowed"
  /** A KV cache, then recurrent states, which do not depend on streams. */
  | "hybrid"
  /** Recurrent states alone. */
  | "recurrent";

/** State of a sequence in a context with several KV streams. */
export interface StreamState {
  readonly state: Uint8Array<ArrayBuffer>;
  /**
   * Bytes of the state without the first part (`LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY`): all of them for a
   * checkpoint.
   */
  readonly partialBytes: number;
  /** Number of streams, and the stream that has the sequence. */
  readonly streams: number;
  readonly stream: number;
}

/**
 * Converts the state of a sequence for a context with another number of streams. libllama refuses a state
 * with another number (`llama_kv_cache::state_read_sinfo`), although the cells of a sequence are the same.
 * A part of the state has the number of streams, then for each stream the number of its cells and, unless
 * that is 0, their data.
 *
 * @param streams number of streams of the other context, which may put the sequence into any stream
 */
export function toStreams(
  { state, partialBytes, streams: count, stream }: StreamState,
  parts: StateParts,
  streams: number,
): Uint8Array<ArrayBuffer> {
  if (count === streams || parts === "recurrent") return state;
  // A checkpoint has only the part that a whole state has last; attention has one part.
  const first = parts === "attention" ? state.length : state.length - (partialBytes - HEAD);
  const pieces: Uint8Array[] = [state.subarray(0, HEAD)];
  if (first > HEAD) pieces.push(...convert(state.subarray(HEAD, first)));
  if (parts === "windowed") pieces.push(...convert(state.subarray(first)));
  else pieces.push(state.subarray(first));
  const result = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    result.set(piece, at);
    at += piece.length;
  }
  return result;

  function convert(part: Uint8Array): Uint8Array[] {
    const before = COUNT + stream * COUNT;
    const cells = part.subarray(before, part.length - (count - 1 - stream) * COUNT);
    const number = new Uint8Array(COUNT);
    new DataView(number.buffer).setUint32(0, streams, true);
    return [number, cells, new Uint8Array((streams - 1) * COUNT)];
  }
}
