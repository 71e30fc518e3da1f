import type { GenerationContext } from "../generation.ts";
import type { LoopParts } from "../loop_parts.ts";

/** The context that a loop computes in, until a larger one takes its place. */
export interface CurrentContext {
  model: GenerationContext;
  /** What belongs to this context. */
  parts: LoopParts;
}
