import type { Model } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { KvType, LoadOptions } from "../protocol/mod.ts";

/** Bytes a value takes in the KV cache; quantized types share a scale among 32 values. */
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

/** The KV cache takes at most this share of the free memory unless the user asks for more. */
const SHARE_OF_FREE = 0.5;
/** And at most this many bytes. */
const MAX_BYTES = 4 * 2 ** 30;
/** No context is made shorter than this to save memory. */
const MIN_CONTEXT = 2048;
/** libllama rounds a sequence's cells up to a multiple of this. */
const CELL_STEP = 256;

/** Host memory for states of finished sequences, at most. */
const SAVED_BYTES = 256 * 2 ** 20;

/** libllama counts cells in 32 bits. */
const MAX_CELLS = 2 ** 31;

/** What decides how much a token takes in the KV cache. */
export type AttentionShape = Pick<Model, "layers" | "heads" | "kvHeads" | "embeddingLength">;

/**
 * Bytes the KV cache takes for one token: keys and values of every layer. Heads are as long as the
 * metadata says, else they share the embedding's length. An upper bound for models that keep less.
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

/** Bytes of host memory that states of finished sequences may take in time, of a model that generates. */
export function savedStateBytes(model: Pick<Model, "isRecurrent">): number {
  return model.isRecurrent ? 0 : SAVED_BYTES;
}

/** A context that is about to be made. */
export interface ContextRequest
  extends Pick<LoadOptions, "parallel" | "kvType" | "flashAttention" | "kvUnified"> {
  /** Tokens a sequence may hold. */
  readonly length: number;
  /** Bytes a token takes; null where {@linkcode kvBytesPerToken} may say too much. */
  readonly bytesPerToken: number | null;
  /** Bytes of memory there are. */
  readonly memory: number;
}

/**
 * What makes a context impossible, so that libllama need not be requested: it would take minutes to run out
 * of memory, and say why in its log alone.
 */
export function checkContext(request: ContextRequest): ShimmyError | null {
  const { length, parallel, kvType, bytesPerToken, memory } = request;
  if (request.flashAttention === "off" && BYTES_PER_VALUE[kvType] < 2) {
    return new ShimmyError(
      "invalid",
      `--kv-type ${kvType} needs flash attention: --flash-attn must be auto or on`,
      { field: "kv-type" },
    );
  }
  const cells = length * (request.kvUnified ? 1 : parallel);
  const bytes = cells * (bytesPerToken ?? 0);
  if (cells < MAX_CELLS && bytes <= memory) return null;
  const gigabytes = (count: number) => `${(count / 2 ** 30).toFixed(1)} GiB`;
  const takes = bytes > 0 ? `takes ${gigabytes(bytes)} with a ${kvType} cache` : "is too large";
  return new ShimmyError(
    "invalid",
    `A context of ${length} tokens for ${parallel} sequences ${takes}; ` +
      `there are ${gigabytes(memory)} of memory`,
    { field: "ctx" },
  );
}

/** What a context has to fit into. */
export interface ContextSizeOptions {
  /** Tokens a sequence shall hold; 0 leaves it to us. */
  readonly requested: number;
  /** Tokens the model was trained on. */
  readonly trained: number;
  readonly sequences: number;
  readonly bytesPerToken: number;
  /** Bytes of free memory. */
  readonly available: number;
}

/**
 * How many tokens a sequence may hold: what was requested for, else as many as the model was trained on, or
 * fewer where memory is short; then a note says so.
 */
export function chooseContext(options: ContextSizeOptions): { length: number; notes: string[] } {
  const { requested, trained, sequences, bytesPerToken, available } = options;
  if (requested > 0) {
    return {
      length: requested,
      notes: requested > trained && trained > 0
        ? [
          `The context of ${requested} tokens is longer than the ${trained} the model was trained on`,
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
      `The context is ${length} tokens and not the ${wanted} the model was trained on, to save ` +
      `memory; --ctx sets another length`,
    ],
  };
}
