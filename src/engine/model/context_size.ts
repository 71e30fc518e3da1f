import type { Model } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { KvType, LoadOptions } from "../protocol/mod.ts";

/** Bytes per value in the KV cache. Quantized types have one scale per 32 values. */
const BYTES_PER_VALUE: Readonly<Record<KvType, number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  q8_0: 34 / 32,
  q5_1: 24 / 32,
  q5_0: 22 / 32,
  q4_1: 20 / 32,
  q4_0: 18 / 32,
  iq4_nl: 18 / 32,
};

/** Maximum share of the free memory for the KV cache, unless the user sets the context length. */
const SHARE_OF_FREE = 0.5;
/** Maximum bytes of the KV cache, under the same condition. */
const MAX_BYTES = 4 * 2 ** 30;
/** Minimum context length when memory limits the context. */
const MIN_CONTEXT = 2048;
/** libllama rounds the cells of a sequence up to a multiple of this. */
const CELL_STEP = 256;

/** Maximum host memory for saved states and checkpoints. */
export const SAVED_STATE_BYTES = 256 * 2 ** 20;

/** libllama counts cells in 32 bits. */
const MAX_CELLS = 2 ** 31;

/** Model properties that determine the KV cache size per token. */
export type AttentionShape = Pick<Model, "layers" | "heads" | "kvHeads" | "embeddingLength">;

/**
 * KV cache bytes per token: keys and values of every layer. The head length is taken from the
 * metadata, else it is the embedding length divided by the number of heads. Upper bound for models
 * that cache less.
 */
export function kvBytesPerToken(
  shape: AttentionShape,
  metadata: Readonly<Record<string, string>>,
  type: KvType,
): number {
  const shared = shape.heads > 0 ? shape.embeddingLength / shape.heads : 0;
  const attention = `${metadata["general.architecture"]}.attention`;
  const keys = Number(metadata[`${attention}.key_length`] ?? shared);
  const values = Number(metadata[`${attention}.value_length`] ?? shared);
  return shape.layers * shape.kvHeads * (keys + values) * BYTES_PER_VALUE[type];
}

/** Properties of a context to create. */
export interface ContextRequest
  extends Pick<LoadOptions, "parallel" | "kvType" | "flashAttention" | "kvUnified"> {
  /** Maximum tokens of one sequence. */
  readonly length: number;
  /** KV cache bytes per token; null if {@linkcode kvBytesPerToken} may be too high. */
  readonly bytesPerToken: number | null;
  /** Total memory in bytes. */
  readonly memory: number;
}

/**
 * Checks a context before libllama creates it. libllama would need minutes to run out of memory and
 * would report the reason only in its log.
 * @returns the error, or null if the context may be created.
 */
export function checkContext(request: ContextRequest): ShimmyError | null {
  const { length, parallel, kvType, bytesPerToken, memory } = request;
  if (request.flashAttention === "off" && BYTES_PER_VALUE[kvType] < 2) {
    return new ShimmyError(
      "invalid",
      `--kv-type ${kvType} requires flash attention: --flash-attn must be auto or on`,
      { field: "kv-type" },
    );
  }
  const cells = length * (request.kvUnified ? 1 : parallel);
  const bytes = cells * (bytesPerToken ?? 0);
  if (cells < MAX_CELLS && bytes <= memory) return null;
  const gigabytes = (count: number) => `${(count / 2 ** 30).toFixed(1)} GiB`;
  const reason = bytes > 0
    ? `the ${kvType} KV cache needs ${gigabytes(bytes)}, the memory has ${gigabytes(memory)}`
    : "it has too many KV cells";
  return new ShimmyError(
    "invalid",
    `Cannot create a context of ${length} tokens for ${parallel} sequences: ${reason}`,
    { field: "ctx" },
  );
}

/** Limits for the choice of a context length. */
export interface ContextSizeOptions {
  /** Requested tokens per sequence. 0: choose automatically. */
  readonly requested: number;
  /** Trained context length in tokens. */
  readonly trained: number;
  readonly sequences: number;
  readonly bytesPerToken: number;
  /** Free memory in bytes. */
  readonly available: number;
}

/**
 * Chooses the maximum tokens of one sequence: the requested length, else the trained length, or
 * less if memory is short. Notes explain limits.
 */
export function chooseContext(options: ContextSizeOptions): { length: number; notes: string[] } {
  const { requested, trained, sequences, bytesPerToken, available } = options;
  if (requested > 0) {
    return {
      length: requested,
      notes: requested > trained && trained > 0
        ? [
          `The context of ${requested} tokens exceeds the trained length of ${trained} tokens`,
        ]
        : [],
    };
  }
  const wanted = trained > 0 ? trained : MIN_CONTEXT;
  const budget = Math.min(available * SHARE_OF_FREE, MAX_BYTES);
  const fitting = bytesPerToken > 0
    ? Math.floor(budget / (bytesPerToken * sequences) / CELL_STEP) * CELL_STEP
    : wanted;
  if (fitting >= wanted) return { length: wanted, notes: [] };
  const length = Math.min(wanted, Math.max(MIN_CONTEXT, fitting));
  return {
    length,
    notes: [
      `The context is limited to ${length} of ${wanted} trained tokens to save memory; ` +
      `set --ctx to change it`,
    ],
  };
}
