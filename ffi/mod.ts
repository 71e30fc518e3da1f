/** libllama as classes and data. The only room that opens native libraries. */
export { type Library, LLAMA_VERSION, openLibrary } from "./library.ts";
export { type Device, deviceHandle, listDevices, loadBackends } from "./backends.ts";
export { captureLogs, type LogLine, printLogs, silenceLogs } from "./logs.ts";
export { NativeError } from "./error.ts";
export { Model } from "./model.ts";
export type { ModelOptions, SplitMode } from "./model_parameters.ts";
export { bufferTypes } from "./buffer_types.ts";
export { type FileTensor, GgufFile, type TensorSize, tensorSizes } from "./gguf_file.ts";
export { Context } from "./context.ts";
export { Batch } from "./batch.ts";
export { Candidates, grammarSampler, Sampler, SamplerChain } from "./sampler.ts";
export { Vocab } from "./vocab.ts";
export { LoraAdapter } from "./lora.ts";
export { ThreadPool } from "./thread_pool.ts";
export { type AbortCheck, abortCheck } from "./abort.ts";
export { address } from "./memory.ts";
export {
  GGML_TYPE,
  GGUF_TYPE,
  LLAMA_FLASH_ATTN_TYPE,
  LLAMA_POOLING_TYPE,
  LLAMA_ROPE_SCALING_TYPE,
  LLAMA_ROPE_TYPE,
} from "./generated/enums.ts";
export { readSystemFile } from "./system_file.ts";
export { forgetMappedPages } from "./mapped_files.ts";
export type { LlamaContextParams as ContextParams } from "./generated/structs.ts";
