import { type ContextParams, GGML_TYPE, LLAMA_FLASH_ATTN_TYPE } from "../../../ffi/mod.ts";
import { MAX_DRAFT, maxDraftedSequences } from "../speculation/mod.ts";
import type { ContextShape, LoadOptions } from "../protocol/mod.ts";

/** Maximum host memory for saved states and checkpoints. */
export const SAVED_STATE_BYTES = 256 * 2 ** 20;

/** Default `n_batch`: tokens in one call of `llama_decode`. */
export const DEFAULT_BATCH = 512;

/**
 * `n_ubatch` on a CPU. Larger values are not faster (llama-bench, prompt of 512 tokens: 446 t/s
 * with 256, 445 t/s with 512) but double the compute buffer.
 */
export const CPU_MICRO_BATCH = 256;

/** Values of `--flash-attn` as libllama enum values. */
export const FLASH_ATTENTION = {
  auto: LLAMA_FLASH_ATTN_TYPE.AUTO,
  on: LLAMA_FLASH_ATTN_TYPE.ENABLED,
  off: LLAMA_FLASH_ATTN_TYPE.DISABLED,
} as const;

/** `ggml_type` of the KV cache. */
export function kvTypeOf({ kvType }: Pick<LoadOptions, "kvType">): number {
  return GGML_TYPE[kvType.toUpperCase() as keyof typeof GGML_TYPE];
}

/**
 * Sets the parameters of the generation context. Planning uses the same parameters.
 *
 * @param shape `sequences` and `unified` replace the options
 */
export function configureContext(
  parameters: ContextParams,
  options: LoadOptions,
  shape: Pick<ContextShape, "cells" | "sequences" | "unified" | "swaFull">,
  threads: number,
  vocabularySize: number,
): void {
  const sized = { ...options, parallel: shape.sequences };
  const batchSize = maxBatch(sized);
  const kvType = kvTypeOf(options);
  parameters.n_ctx = shape.cells;
  parameters.n_seq_max = shape.sequences;
  parameters.n_batch = batchSize;
  parameters.n_ubatch = microBatch(sized);
  parameters.n_outputs_max = maxOutputs(sized, vocabularySize);
  parameters.n_threads = threads;
  parameters.n_threads_batch = threads;
  parameters.flash_attn_type = FLASH_ATTENTION[options.flashAttention];
  parameters.type_k = kvType;
  parameters.type_v = kvType;
  parameters.kv_unified = shape.unified;
  parameters.swa_full = shape.swaFull;
  parameters.no_perf = true;
}

/**
 * Memory for logits of scored prompt tokens and their copy in the compute buffer, beyond what
 * sampling needs.
 */
const SCORING_BYTES = { cpu: 8 << 20, gpu: 64 << 20 };

/**
 * Maximum outputs of a batch: the last token of each sequence and its drafted tokens, or the tokens
 * of a prompt whose log probabilities are requested. Each output needs memory for the logits of the
 * vocabulary, twice.
 */
export function maxOutputs(options: LoadOptions, vocabularySize: number): number {
  const { parallel, lookup, draftPaths } = options;
  const drafts = lookup || draftPaths !== undefined;
  const drafting = drafts ? Math.min(parallel, maxDraftedSequences(isOnCpu(options))) : 0;
  const sampled = parallel + drafting * MAX_DRAFT;
  const bytes = isOnCpu(options) ? SCORING_BYTES.cpu : SCORING_BYTES.gpu;
  const scored = Math.floor(bytes / (2 * Float32Array.BYTES_PER_ELEMENT * vocabularySize));
  return Math.min(maxBatch(options), Math.max(sampled, scored));
}

type BatchOptions = Pick<LoadOptions, "batchSize" | "parallel">;

/** `n_batch`: at least one token per sequence. */
function maxBatch({ batchSize, parallel }: BatchOptions): number {
  return Math.max(batchSize > 0 ? batchSize : DEFAULT_BATCH, parallel);
}

/** `n_ubatch`: tokens in a physical batch. */
export function microBatch(options: Parameters<typeof isOnCpu>[0] & BatchOptions): number {
  const batchSize = maxBatch(options);
  return isOnCpu(options) ? Math.min(batchSize, CPU_MICRO_BATCH) : batchSize;
}

/** Whether only the CPU computes. */
export function isOnCpu({ gpuLayers, devices }: LoadOptions): boolean {
  return gpuLayers === 0 || devices?.length === 0;
}
