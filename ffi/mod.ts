/** Bindings of libllama as classes and data. The only code that opens native libraries. */
export { type Library, LLAMA_VERSION, openLibrary } from "./library/library.ts";
export { type Device, deviceHandle, listDevices, loadBackends } from "./backends/backends.ts";
export { captureLogs, type LogLine, printLogs, silenceLogs } from "./backends/logs.ts";
export { NativeError } from "./library/error.ts";
export { Model } from "./objects/model.ts";
export type { ModelOptions, SplitMode } from "./objects/model_parameters.ts";
export { cpuFeatures } from "./backends/cpu_features.ts";
export { bufferTypes } from "./backends/buffer_types.ts";
export { type FileTensor, GgufFile, type TensorSize, tensorSizes } from "./objects/gguf_file.ts";
export { Context } from "./objects/context.ts";
export { releaseUnusedCells } from "./objects/unused_cells.ts";
export { Batch } from "./objects/batch.ts";
export {
  type Candidate,
  Candidates,
  grammarSampler,
  Sampler,
  SamplerChain,
} from "./objects/sampler.ts";
export { Vocab } from "./objects/vocab.ts";
export { EmbeddingBatch } from "./objects/embedding_batch.ts";
export { type MediaLibrary, openMediaLibrary } from "./library/media_library.ts";
export { type MediaChunk, MediaChunks } from "./objects/media_chunks.ts";
export {
  type DecodedHooks,
  type DecodedPixels,
  MediaContext,
  type MediaOptions,
} from "./objects/media_context.ts";
export { LoraAdapter } from "./objects/lora.ts";
export { addRpcWorker, type RpcServerOptions, startRpcServer } from "./backends/rpc.ts";
export { RPC_PROTO_MAJOR_VERSION, RPC_PROTO_MINOR_VERSION } from "./generated/constants.ts";
export { ThreadPool } from "./backends/thread_pool.ts";
export { type AbortCheck, abortCheck } from "./objects/abort.ts";
export { address } from "./memory/memory.ts";
export {
  GGML_TYPE,
  GGUF_TYPE,
  LLAMA_FLASH_ATTN_TYPE,
  LLAMA_POOLING_TYPE,
  LLAMA_ROPE_SCALING_TYPE,
  LLAMA_ROPE_TYPE,
} from "./generated/enums.ts";
export { readSystemFile } from "./memory/system_file.ts";
export { releaseMappedPages } from "./memory/mapped_files.ts";
export type { LlamaContextParams as ContextParams } from "./generated/structs.ts";
