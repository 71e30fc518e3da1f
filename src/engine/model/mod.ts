export {
  configureContext,
  DEFAULT_BATCH,
  FLASH_ATTENTION,
  isOnCpu,
  kvTypeOf,
} from "./context_options.ts";
export { chooseContext, contextProblem, kvBytesPerToken, savedStateBytes } from "./context_size.ts";
export { openDraft, WITHOUT_DRAFT } from "./draft_weights.ts";
export { fingerprint } from "./fingerprint.ts";
export {
  type LoadReport,
  type MeasuredPlacement,
  readContextLog,
  readLoadLog,
  SHARED,
} from "./load_log.ts";
export type { Workshop } from "./load_resources.ts";
export { ropeStretch, stretchRope } from "./rope_scaling.ts";
export {
  expertOverrides,
  placeTensors,
  vainOverrides,
  type WeightPlaces,
} from "./tensor_placement.ts";
export { type LoadWatcher, readWeights } from "./weights.ts";
