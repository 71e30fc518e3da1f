import type { Model } from "../../../ffi/mod.ts";
import type { ContextShape, MemoryKind } from "../protocol/mod.ts";

/** What a model keeps of a sequence in a context of this shape. */
export function memoryKind(
  { isRecurrent, isHybrid, slidingWindow }: Pick<
    Model,
    "isRecurrent" | "isHybrid" | "slidingWindow"
  >,
  { swaFull }: Pick<ContextShape, "swaFull">,
): MemoryKind {
  if (isRecurrent) return isHybrid ? "hybrid" : "recurrent";
  if (slidingWindow === 0) return "attention";
  return swaFull ? "window_all_cells" : "window";
}
