/** A model before its context: weights, placement, context size and options, native load log. */
export {
  configureContext,
  CPU_MICRO_BATCH,
  DEFAULT_BATCH,
  FLASH_ATTENTION,
  isOnCpu,
  kvTypeOf,
  maxOutputs,
  microBatch,
  SAVED_STATE_BYTES,
} from "./context_options.ts";
export { checkContext } from "./check_context.ts";
export {
  contextBudget,
  type ContextMemory,
  deviceReserve,
  FIRST_CONTEXT_BYTES,
} from "./context_budget.ts";
export { chooseShape, type ChosenShape, type ShapeOptions } from "./context_shape.ts";
export {
  kvBytesPerToken,
  modelKvBytesPerToken,
  recurrentBytesPerSequence,
  type SlidingLayers,
  slidingLayers,
} from "./kv_bytes.ts";
export { memoryKind } from "./memory_kind.ts";
export { openDraft, type OpenedDraft } from "./draft_weights.ts";
export { fingerprint } from "./fingerprint.ts";
export {
  type LoadReport,
  type MeasuredPlacement,
  readContextLog,
  readLoadLog,
  SHARED,
} from "./load_log.ts";
export type { LoadResources } from "./load_resources.ts";
export { ropeFactors, ropeStretch, stretchRope } from "./rope_scaling.ts";
export {
  expertOverrides,
  placeTensors,
  unmatchedOverrides,
  type WeightPlaces,
} from "./tensor_placement.ts";
export { type LoadObserver, readWeights } from "./weights.ts";
