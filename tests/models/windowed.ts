/**
 * A tiny model with a sliding window (Gemma 3) and random weights: most layers attend only to the
 * last tokens.
 */
import { buildGguf } from "./build_gguf.ts";
import { sentencePieces } from "./encoders.ts";
import { randomWeights, tensor } from "./random_weights.ts";

const WIDTH = 64;
/** Gemma 3 has one layer with full attention after five layers with a window. */
const LAYERS = 6;
const HEADS = 4;
const KV_HEADS = 2;
const HEAD = 16;
const FEED_FORWARD = 128;

/** Window size of most layers, in tokens. */
export const WINDOW = 24;

/** The model's file. */
export function windowedModel(): Uint8Array<ArrayBuffer> {
  return buildGguf(windowedParts());
}

/** The parts of the file, for models with other weights. */
export function windowedParts() {
  const vocabulary = sentencePieces();
  const tensors = [
    // Gemma 3 multiplies embeddings by the root of their width. Large ones would hide the attention.
    tensor("token_embd.weight", "bias", WIDTH, vocabulary.texts.length),
    tensor("output_norm.weight", "norm", WIDTH),
    // With the embeddings as output, the model repeats its last token with certainty, whatever was before.
    tensor("output.weight", "matrix", WIDTH, vocabulary.texts.length),
  ];
  for (let layer = 0; layer < LAYERS; layer++) {
    const block = `blk.${layer}.`;
    tensors.push(
      tensor(`${block}attn_norm.weight`, "norm", WIDTH),
      tensor(`${block}attn_q.weight`, "matrix", WIDTH, HEADS * HEAD),
      tensor(`${block}attn_k.weight`, "matrix", WIDTH, KV_HEADS * HEAD),
      tensor(`${block}attn_v.weight`, "matrix", WIDTH, KV_HEADS * HEAD),
      tensor(`${block}attn_output.weight`, "matrix", HEADS * HEAD, WIDTH),
      tensor(`${block}post_attention_norm.weight`, "norm", WIDTH),
      tensor(`${block}attn_k_norm.weight`, "norm", HEAD),
      tensor(`${block}attn_q_norm.weight`, "norm", HEAD),
      tensor(`${block}ffn_norm.weight`, "norm", WIDTH),
      tensor(`${block}ffn_gate.weight`, "matrix", WIDTH, FEED_FORWARD),
      tensor(`${block}ffn_up.weight`, "matrix", WIDTH, FEED_FORWARD),
      tensor(`${block}ffn_down.weight`, "matrix", FEED_FORWARD, WIDTH),
      tensor(`${block}post_ffw_norm.weight`, "norm", WIDTH),
    );
  }
  return {
    metadata: {
      "general.architecture": "gemma3",
      "general.name": "random weights",
      "general.file_type": 0,
      "gemma3.context_length": 2048,
      "gemma3.embedding_length": WIDTH,
      "gemma3.block_count": LAYERS,
      "gemma3.feed_forward_length": FEED_FORWARD,
      "gemma3.attention.head_count": HEADS,
      "gemma3.attention.head_count_kv": KV_HEADS,
      "gemma3.attention.key_length": HEAD,
      "gemma3.attention.value_length": HEAD,
      "gemma3.attention.layer_norm_rms_epsilon": { f32: 1e-5 },
      "gemma3.attention.sliding_window": WINDOW,
      "gemma3.rope.freq_base": { f32: 1e6 },
      ...vocabulary.metadata,
      "tokenizer.ggml.add_eos_token": false,
    },
    ...randomWeights(tensors, 9),
  };
}
