import { GgufFile, type Library, type Model } from "../../../ffi/mod.ts";
import type { KvType } from "../protocol/mod.ts";
import { BYTES_PER_VALUE, kvBytesPerToken } from "./sizes/mod.ts";

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
