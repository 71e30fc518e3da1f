import type { LoadPlan } from "../../engine/planning/mod.ts";
import type { MemoryKind } from "../../engine/protocol/mod.ts";

const MEMORY = {
  attention: "full attention: a cached prompt is used up to any token",
  window_all_cells: "sliding window, all cells kept: a cached prompt is used up to any token",
  window: "sliding window, window only: a cached prompt is used up to a checkpoint, " +
    "or a token in the window",
  recurrent: "recurrent: a cached prompt is used up to a checkpoint",
  hybrid: "hybrid, recurrent and attention: a cached prompt is used up to a checkpoint",
} as const satisfies Record<MemoryKind, string>;

/** The field with the kind of memory and how it is used again; none without memory. */
export function memoryFields(
  { memory }: Pick<LoadPlan, "memory">,
): readonly (readonly [string, string])[] {
  return memory === null ? [] : [["memory", MEMORY[memory]]];
}
