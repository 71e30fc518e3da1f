/**
 * A tiny model whose positions have several dimensions (Qwen2-VL's M-RoPE), with random weights: the rows of an
 * image share a time, and differ in line and column.
 */
import { buildGguf } from "./build_gguf.ts";
import { sentencePieces } from "./encoders.ts";
import { randomWeights, tensor } from "./random_weights.ts";

const WIDTH = 64;
const LAYERS = 3;
const HEADS = 4;
const KV_HEADS = 2;
const HEAD = WIDTH / HEADS;
const FEED_FORWARD = 128;
/** Pairs of values that turn with the time, the line and the column. */
const SECTIONS = [2, 3, 3, 0];

/** The model's file. */
export function mropeModel(): Uint8Array<ArrayBuffer> {
  const vocabulary = sentencePieces();
  const tensors = [
    tensor("token_embd.weight", "table", WIDTH, vocabulary.texts.length),
    tensor("output_norm.weight", "norm", WIDTH),
    tensor("output.weight", "bias", WIDTH, vocabulary.texts.length),
  ];
  for (let layer = 0; layer < LAYERS; layer++) {
    const block = `blk.${layer}.`;
    const heads = { attn_q: HEADS, attn_k: KV_HEADS, attn_v: KV_HEADS };
    for (const [name, count] of Object.entries(heads)) {
      tensors.push(
        tensor(`${block}${name}.weight`, "matrix", WIDTH, count * HEAD),
        tensor(`${block}${name}.bias`, "bias", count * HEAD),
      );
    }
    tensors.push(
      tensor(`${block}attn_norm.weight`, "norm", WIDTH),
      tensor(`${block}attn_output.weight`, "matrix", WIDTH, WIDTH),
      tensor(`${block}ffn_norm.weight`, "norm", WIDTH),
      tensor(`${block}ffn_gate.weight`, "matrix", WIDTH, FEED_FORWARD),
      tensor(`${block}ffn_up.weight`, "matrix", WIDTH, FEED_FORWARD),
      tensor(`${block}ffn_down.weight`, "matrix", FEED_FORWARD, WIDTH),
    );
  }
  return buildGguf({
    metadata: {
      "general.architecture": "qwen2vl",
      "general.name": "random weights",
      "general.file_type": 0,
      "qwen2vl.context_length": 2048,
      "qwen2vl.embedding_length": WIDTH,
      "qwen2vl.block_count": LAYERS,
      "qwen2vl.feed_forward_length": FEED_FORWARD,
      "qwen2vl.attention.head_count": HEADS,
      "qwen2vl.attention.head_count_kv": KV_HEADS,
      "qwen2vl.attention.layer_norm_rms_epsilon": { f32: 1e-5 },
      "qwen2vl.rope.dimension_sections": { i32s: SECTIONS },
      ...vocabulary.metadata,
      "tokenizer.ggml.add_eos_token": false,
    },
    ...randomWeights(tensors, 13),
  });
}
