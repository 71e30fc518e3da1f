import type { KvMemory } from "./cached_prefix.ts";

/**
 * Wraps a KV memory and adds the time of saving and restoring states to `native`: copying megabytes
 * is time of the library, not of the loop.
 */
export function timedMemory(memory: KvMemory, native: { ms: number }): KvMemory {
  const timed = <T>(work: () => T): T => {
    const start = performance.now();
    try {
      return work();
    } finally {
      native.ms += performance.now() - start;
    }
  };
  return {
    removeTokens: (sequence, from, to) => memory.removeTokens(sequence, from, to),
    copySequence: (source, target) => memory.copySequence(source, target),
    saveSequence: (sequence) => timed(() => memory.saveSequence(sequence)),
    saveCheckpoint: (sequence) => timed(() => memory.saveCheckpoint(sequence)),
    restoreCheckpoint: (sequence, state) => timed(() => memory.restoreCheckpoint(sequence, state)),
    stateBytes: (sequence, isPartial) => memory.stateBytes(sequence, isPartial),
    streams: memory.streams,
    firstPosition: (sequence) => memory.firstPosition(sequence),
    restoreSequence: (sequence, state) => timed(() => memory.restoreSequence(sequence, state)),
  };
}
