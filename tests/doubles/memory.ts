import { MAIN_MEMORY, type MemoryLimits } from "../../src/models/memory/memory_requirement.ts";
import type { ModelEntry } from "../../src/models/entry/entry.ts";

/** Main memory alone, of which as much is free as a test says. */
export function mainMemory(
  need: (entry: ModelEntry) => number | Promise<number>,
  available: () => number,
): MemoryLimits {
  return {
    available,
    survey: async (entry) => ({
      demands: [{ memory: MAIN_MEMORY, need: await need(entry), free: available() }],
      canShrink: false,
    }),
  };
}
