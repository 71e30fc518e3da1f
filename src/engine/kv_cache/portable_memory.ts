import type { Context } from "../../../ffi/mod.ts";
import type { KvMemory } from "./cached_prefix.ts";
import { type StateParts, type StreamState, toStreams } from "./stream_state.ts";

/** Numbers of 32 bits after a state: streams of its context, stream of the sequence, partial bytes. */
const LABEL = 12;

/**
 * Wraps the memory of a context: its states and checkpoints can be restored into contexts with other numbers
 * of streams. A state ends with a label that tells the number of streams it was saved with, so that only
 * a state from another number is copied to be converted.
 *
 * @param parts what the state of a sequence consists of; null if it cannot be converted. Then a state from
 * another number of streams does not fit.
 */
export function portableMemory(memory: Context, parts: StateParts | null): KvMemory {
  const { streams } = memory;
  // Only these states have a part that a checkpoint has too.
  const isSplit = parts === "windowed" || parts === "hybrid";
  const label = (sequence: number, state: Uint8Array<ArrayBuffer>, partialBytes: number) => {
    const view = new DataView(state.buffer, state.length - LABEL);
    [streams, sequence % streams, partialBytes].forEach((value, at) =>
      view.setUint32(at * 4, value, true)
    );
    return state;
  };
  const fitting = (state: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | null => {
    const saved = unlabel(state);
    if (saved?.streams === streams) return saved.state;
    return saved === null || parts === null ? null : toStreams(saved, parts, streams);
  };
  return {
    streams,
    removeTokens: (sequence, from, to) => memory.removeTokens(sequence, from, to),
    copySequence: (source, target) => memory.copySequence(source, target),
    firstPosition: (sequence) => memory.firstPosition(sequence),
    stateBytes: (sequence, isPartial) => memory.stateBytes(sequence, isPartial) + LABEL,
    saveSequence(sequence) {
      const state = memory.saveSequence(sequence, LABEL);
      const whole = state.length - LABEL;
      return label(sequence, state, isSplit ? memory.stateBytes(sequence, true) : whole);
    },
    saveCheckpoint(sequence) {
      const state = memory.saveCheckpoint(sequence, LABEL);
      return label(sequence, state, state.length - LABEL);
    },
    restoreSequence(sequence, state) {
      const own = fitting(state);
      return own !== null && memory.restoreSequence(sequence, own);
    },
    restoreCheckpoint(sequence, state) {
      const own = fitting(state);
      return own !== null && memory.restoreCheckpoint(sequence, own);
    },
  };
}

/** The state before a label. Null if these are not the bytes of a labelled state. */
function unlabel(bytes: Uint8Array<ArrayBuffer>): StreamState | null {
  const end = bytes.length - LABEL;
  if (end < 0) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + end);
  const [streams, stream, partialBytes] = [0, 4, 8].map((at) => view.getUint32(at, true));
  if (stream! >= streams! || streams! * 4 > end || partialBytes! > end) return null;
  return {
    ...{ state: bytes.subarray(0, end), partialBytes: partialBytes! },
    ...{ streams: streams!, stream: stream! },
  };
}
