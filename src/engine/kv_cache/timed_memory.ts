import type { KvMemory } from "./prefix_cache.ts";

/**
 * A memory that adds the time of its own work to `native`: reading and writing a sequence's state
 * copies megabytes, which is the library's time and not the loop's.
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
    restoreSequence: (sequence, state) => timed(() => memory.restoreSequence(sequence, state)),
  };
}
