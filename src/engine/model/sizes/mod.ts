/** Sizes of contexts, computed without libllama. */
export {
  contextBudget,
  type ContextMemory,
  deviceReserve,
  FIRST_CONTEXT_BYTES,
} from "./context_budget.ts";
export { chooseShape, type ChosenShape, type ShapeOptions } from "./context_shape.ts";
export {
  BYTES_PER_VALUE,
  kvBytesPerToken,
  type SlidingLayers,
  slidingLayers,
  windowNotes,
} from "./kv_bytes.ts";
