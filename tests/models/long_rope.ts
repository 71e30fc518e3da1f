/** A tiny model with long RoPE and random weights: longer contexts use other factors of its positions. */
import { buildGguf } from "./build_gguf.ts";
import { sentencePieces } from "./encoders.ts";
import { randomWeights, tensor } from "./random_weights.ts";

const WIDTH = 64;
const LAYERS = 2;
const HEADS = 4;
const HEAD = WIDTH / HEADS;
const FEED_FORWARD = 128;

/** Tokens up to which a context uses the short factors. */
export const ORIGINAL_CONTEXT = 256;
/** Trained tokens. */
export const TRAINED_CONTEXT = 2048;

/** The model's file. */
export function longRopeModel(): Uint8Array<ArrayBuffer> {
  const vocabulary = sentencePieces();
  const tensors = [
    tensor("token_embd.weight", "table", WIDTH, vocabulary.texts.length),
    tensor("output_norm.weight", "norm", WIDTH),
    tensor("output.weight", "matrix", WIDTH, vocabulary.texts.length),
    tensor("rope_factors_short.weight", "norm", HEAD / 2),
    tensor("rope_factors_long.weight", "norm", HEAD / 2),
  ];
  for (let layer = 0; layer < LAYERS; layer++) {
    const block = `blk.${layer}.`;
    tensors.push(
      tensor(`${block}attn_norm.weight`, "norm", WIDTH),
      tensor(`${block}attn_q.weight`, "matrix", WIDTH, WIDTH),
      tensor(`${block}attn_k.weight`, "matrix", WIDTH, WIDTH),
      tensor(`${block}attn_v.weight`, "matrix", WIDTH, WIDTH),
      tensor(`${block}attn_output.weight`, "matrix", WIDTH, WIDTH),
      tensor(`${block}ffn_norm.weight`, "norm", WIDTH),
      tensor(`${block}ffn_gate.weight`, "matrix", WIDTH, FEED_FORWARD),
      tensor(`${block}ffn_up.weight`, "matrix", WIDTH, FEED_FORWARD),
      tensor(`${block}ffn_down.weight`, "matrix", FEED_FORWARD, WIDTH),
    );
  }
  return buildGguf({
    metadata: {
      "general.architecture": "llama",
      "general.name": "random weights",
      "general.file_type": 0,
      "llama.context_length": TRAINED_CONTEXT,
      "llama.embedding_length": WIDTH,
      "llama.block_count": LAYERS,
      "llama.feed_forward_length": FEED_FORWARD,
      "llama.attention.head_count": HEADS,
      "llama.attention.head_count_kv": HEADS,
      "llama.attention.layer_norm_rms_epsilon": { f32: 1e-5 },
      "llama.rope.dimension_count": HEAD,
      "llama.rope.freq_base": { f32: 1e4 },
      "llama.rope.scaling.type": "longrope",
      "llama.rope.scaling.original_context_length": ORIGINAL_CONTEXT,
      ...vocabulary.metadata,
      "tokenizer.ggml.add_eos_token": false,
    },
    ...randomWeights(tensors, 23),
  });
}
