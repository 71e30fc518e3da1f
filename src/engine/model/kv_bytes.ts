import { ownMember } from "../../own_member.ts";
import { GgufFile, type Library, type Model } from "../../../ffi/mod.ts";
import type { KvType, SwaFull } from "../protocol/mod.ts";

/** Bytes per value in the KV cache. Quantized types have one scale per 32 values. */
export const BYTES_PER_VALUE: Readonly<Record<KvType, number>> = {
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

/** Weights of the keys and values of a layer with attention. */
const KEYS_OR_VALUES = /^blk\.\d+\.attn_[kv]\.weight$/;

/**
 * KV cache bytes per token of a loaded model. Hybrids have no keys and values in their recurrent layers,
 * and libllama tells the KV heads of the first layer only: theirs are counted in the tensors of the files.
 */
export function modelKvBytesPerToken(
  library: Library,
  model: Model,
  paths: readonly string[],
  type: KvType,
): number {
  if (model.isHybrid) {
    const values = paths.reduce((sum, path) => sum + keysAndValues(library, path), 0);
    if (values > 0) return values * BYTES_PER_VALUE[type];
  }
  const { layers, heads, embeddingLength } = model;
  const kvHeads = model.isHybrid ? Math.max(model.kvHeads, heads) : model.kvHeads;
  return kvBytesPerToken({ layers, heads, kvHeads, embeddingLength }, model.metadata(), type);
}

/** Keys and values of a token in all layers, by the shapes of the weights that compute them. */
function keysAndValues(library: Library, path: string): number {
  using file = GgufFile.open(library, path);
  return file.tensors().reduce(
    (sum, { name, shape }) => KEYS_OR_VALUES.test(name) ? sum + (shape[1] ?? 1) : sum,
    0,
  );
}

/** Weights of a layer with a recurrent state, by the names of llama.cpp's `LLM_TENSOR_NAMES`. */
const RECURRENT = /^blk\.(\d+)\.(?:ssm_|shortconv\.|time_mix_)/;

/**
 * Bytes of the recurrent state that a context keeps for each sequence; 0 without recurrent layers.
 * Source: `n_embd_r` and `n_embd_s` of llama.cpp's `llama_hparams`, whose values have 32 bits.
 */
export function recurrentBytesPerSequence(
  library: Library,
  model: Model,
  paths: readonly string[],
): number {
  if (!model.isRecurrent) return 0;
  const { architecture, embeddingLength, heads } = model;
  const metadata = model.metadata();
  const count = (key: string, fallback = 0) =>
    Number(metadata[`${architecture}.${key}`] ?? fallback);
  const [wkv, shortConvolution, kda] = [
    count("wkv.head_size"),
    count("shortconv.l_cache"),
    count("kda.head_dim"),
  ];
  const taps = Math.max(0, count("ssm.conv_kernel") - 1);
  const [inner, state] = [count("ssm.inner_size"), count("ssm.state_size")];
  const values = wkv > 0
    ? embeddingLength * (count("token_shift_count", 2) + wkv)
    : shortConvolution > 0
    ? embeddingLength * (shortConvolution - 1)
    : kda > 0
    ? heads * kda * (3 * (taps || 3) + kda)
    : taps * (inner + 2 * count("ssm.group_count") * state) + state * inner;
  return recurrentLayers(library, model, paths) * values * 4;
}

/** Layers with a recurrent state; all layers if the tensors have unknown names. */
function recurrentLayers(library: Library, { layers }: Model, paths: readonly string[]): number {
  const found = new Set<string>();
  for (const path of paths) {
    using file = GgufFile.open(library, path);
    for (const { name } of file.tensors()) {
      const [, layer] = RECURRENT.exec(name) ?? [];
      if (layer !== undefined) found.add(layer);
    }
  }
  return found.size || layers;
}

/** A model's layers with a sliding window, and how their cells are kept. */
export interface SlidingLayers {
  /** Tokens of the window. */
  readonly window: number;
  /** KV cache bytes per token of all other layers. */
  readonly fullBytesPerToken: number;
  /** Tokens of a physical batch (`n_ubatch`): libllama keeps the window and as many cells more. */
  readonly batch: number;
  readonly mode: SwaFull;
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
  batch: number,
  mode: SwaFull = "auto",
): SlidingLayers | null {
  if (slidingWindow === 0) return null;
  const architecture = metadata["general.architecture"] ?? "";
  const stored = Number(metadata[`${architecture}.attention.sliding_window_pattern`]);
  const pattern = stored > 0 ? stored : ownMember(PATTERNS, architecture) ?? 1;
  return { window: slidingWindow, fullBytesPerToken: bytesPerToken / pattern, batch, mode };
}
