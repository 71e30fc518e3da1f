/** Messages between the public interface and the engine core: requests, events, errors, framing. */
export type {
  AdapterChange,
  AdapterInfo,
  AdapterSource,
  LayerRange,
  LoraChoice,
} from "./adapters.ts";
export type {
  ContextMemory,
  Embedding,
  EmbeddingStatus,
  EmbedInput,
  EmbedRequest,
  EmbedResult,
} from "./embedding.ts";
export {
  assertionIn,
  deserializeError,
  type SerializedError,
  serializeError,
  unloadedError,
} from "./errors.ts";
export {
  type FinishReason,
  NO_TIMINGS,
  type Notice,
  type PromptLogprob,
  type PromptProgress,
  type SequenceEvent,
  type Timings,
  type TokenLogprob,
  type Usage,
} from "./event.ts";
export { decodeBody, encodeFrame, FRAME, FrameReader, signalFrame } from "./frames.ts";
export {
  type BucketLocation,
  type ContextShape,
  DISK_SAVE_MS,
  type DiskCacheLocation,
  KV_TYPES,
  KV_UNIFIED,
  type KvType,
  type KvUnified,
  type LoadOptions,
  LOG_END,
  type ProjectorOptions,
  type SharedCacheLocation,
  SWA_FULL,
  type SwaFull,
} from "./load_options.ts";
export type { Control, Edit, FromEngineCore, ToEngineCore } from "./messages.ts";
export {
  type ContextSettings,
  type FileState,
  type FillTokens,
  mediaRefusal,
  type MediaSupport,
  type ModelInfo,
} from "./model_info.ts";
export { cannotGenerateError } from "./model_kind.ts";
export {
  deviceBytes,
  type DeviceInfo,
  loadedBytes,
  memoryNames,
  type Placement,
  rpcBuffers,
  type RpcWorker,
  SPLIT_MODES,
  type TensorOverride,
} from "./placement.ts";
export {
  type AddSpecial,
  areRowsOfOne,
  isMediaToken,
  LAST_ROW,
  type MediaInput,
  movesPosition,
  type Phase,
  type PromptPart,
  type ReasoningPhase,
  rowOf,
  rowToken,
  type SequenceRequest,
} from "./request.ts";
export { DEFAULT_SAMPLING, type SamplerName, SAMPLERS, type Sampling } from "./sampling.ts";
export {
  type ContextStatus,
  type DiskCacheStatus,
  type EngineStatus,
  type LoopStatus,
  type MediaStatus,
  MEMORY_KINDS,
  type MemoryKind,
  type SharedCacheStatus,
  type SlotChange,
  type SlotChangeResult,
  type SlotStatus,
} from "./status.ts";
export type { AppliedAdapter, BatchShapes, Range, SequenceTrace } from "./trace.ts";
