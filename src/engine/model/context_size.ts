import type { Model } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { KvType, LoadOptions, SwaFull } from "../protocol/mod.ts";

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
/**
 * Maximum bytes of the KV cache per byte of the model, under the same condition. Llama 3.2 1B, whose
 * context is long for its size, needs about five for each sequence. The header of a small file could
 * otherwise claim a length that takes gigabytes.
 */
const MAX_BYTES_PER_MODEL_BYTE = 32;
/** The KV cache of a model of any size may have these bytes. */
const SMALL_BYTES = 128 * 2 ** 20;
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
  /** Size of the model in bytes. */
  readonly modelBytes: number;
  /** Free memory in bytes. */
  readonly available: number;
  /** Layers with a sliding window; null without any. */
  readonly sliding?: SlidingLayers | null;
}

/** A model's layers with a sliding window, and how their cells are kept. */
export interface SlidingLayers {
  /** Tokens of the window. */
  readonly window: number;
  /** KV cache bytes per token of all other layers. */
  readonly fullBytesPerToken: number;
  readonly mode: SwaFull;
}

/** The size of a context. */
export interface ContextSize {
  /** Maximum tokens of one sequence. */
  readonly length: number;
  /** Whether layers with a sliding window keep all cells. */
  readonly swaFull: boolean;
  /** Limits, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * Chooses the size of a context. With `auto`, layers with a sliding window keep all cells, unless their
 * window alone allows a longer context.
 */
export function chooseContextSize(options: ContextSizeOptions): ContextSize {
  const { sliding = null, available, sequences, bytesPerToken } = options;
  const full = { ...chooseContext(options), swaFull: true };
  if (sliding === null || sliding.mode === "on") return full;
  const { window, fullBytesPerToken } = sliding;
  const windowBytes = (bytesPerToken - fullBytesPerToken) * window * sequences;
  const small = chooseContext({
    ...options,
    bytesPerToken: fullBytesPerToken,
    available: Math.max(0, available - windowBytes / SHARE_OF_FREE),
  });
  const fits = options.requested === 0 ||
    options.requested * sequences * bytesPerToken <= available * SHARE_OF_FREE;
  if (sliding.mode === "auto" && fits && full.length >= small.length) return full;
  const note =
    `Layers with a sliding window keep ${window} tokens and not the whole context, to save ` +
    `memory; --swa-full on keeps all`;
  return {
    ...small,
    swaFull: false,
    notes: sliding.mode === "off" ? small.notes : [...small.notes, note],
  };
}

/**
 * Architectures whose layers have a sliding window but for one of so many. Source: the calls of
 * `load_swa_pattern` in llama.cpp's `src/models/`.
 */
const PATTERNS: Readonly<Record<string, number>> = {
  "cohere2": 4,
  "exaone4": 4,
  "gemma2": 2,
  "gemma3": 6,
  "gemma3n": 5,
  "gpt-oss": 2,
  "olmo2": 4,
};

/**
 * The layers of a model with a sliding window; null without any. If the number of such layers is not
 * known, all layers count as full, which allows shorter contexts only.
 */
export function slidingLayers(
  { slidingWindow }: Pick<Model, "slidingWindow">,
  metadata: Readonly<Record<string, string>>,
  bytesPerToken: number,
  mode: SwaFull = "auto",
): SlidingLayers | null {
  if (slidingWindow === 0) return null;
  const architecture = metadata["general.architecture"] ?? "";
  const stored = Number(metadata[`${architecture}.attention.sliding_window_pattern`]);
  const pattern = stored > 0 ? stored : PATTERNS[architecture] ?? 1;
  return { window: slidingWindow, fullBytesPerToken: bytesPerToken / pattern, mode };
}

/**
 * Chooses the maximum tokens of one sequence: the requested length, else the trained length, or
 * less if memory is short. Notes explain limits.
 */
export function chooseContext(options: ContextSizeOptions): { length: number; notes: string[] } {
  const { requested, trained, sequences, bytesPerToken, modelBytes, available } = options;
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
  const plausible = Math.max(SMALL_BYTES, modelBytes * MAX_BYTES_PER_MODEL_BYTE);
  const budget = Math.min(available * SHARE_OF_FREE, MAX_BYTES, plausible);
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
