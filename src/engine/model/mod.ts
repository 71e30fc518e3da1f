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
  chooseShape,
  type ChosenShape,
  contextBudget,
  type ContextMemory,
  deviceReserve,
  FIRST_CONTEXT_BYTES,
  kvBytesPerToken,
  type ShapeOptions,
  type SlidingLayers,
  slidingLayers,
  windowNotes,
} from "./sizes/mod.ts";
export { modelKvBytesPerToken, recurrentBytesPerSequence } from "./model_bytes.ts";
export { memoryKind } from "./memory_kind.ts";
export { openDraft, type OpenedDraft } from "./draft_weights.ts";
export { fingerprint, portableFingerprint } from "./fingerprint.ts";
export {
  expertOverrides,
  type LoadReport,
  type MeasuredPlacement,
  placeTensors,
  readContextLog,
  readLoadLog,
  SHARED,
  unmatchedOverrides,
  type WeightPlaces,
} from "./placement/mod.ts";
export type { LoadResources } from "./load_resources.ts";
export { ropeFactors, ropeStretch, stretchRope } from "./rope_scaling.ts";
export { addWorkers } from "./workers.ts";
export { type LoadObserver, readWeights } from "./weights.ts";
