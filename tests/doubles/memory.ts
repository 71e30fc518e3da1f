import { MAIN_MEMORY, type MemoryProbe } from "../../src/models/memory/memory_requirement.ts";
import type { ModelEntry } from "../../src/models/entry/entry.ts";

/** Main memory only, with the given free size. */
export function mainMemory(
  need: (entry: ModelEntry) => number | Promise<number>,
  available: () => number,
): MemoryProbe {
  return {
    available,
    estimate: async (entry) => ({
      requirements: [{ memory: MAIN_MEMORY, required: await need(entry), free: available() }],
      canOffloadLess: false,
    }),
  };
}
