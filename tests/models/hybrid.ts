/** A tiny model with convolution and attention layers (LFM2) and random weights: its memory is a hybrid. */
import { buildGguf } from "./build_gguf.ts";
import { sentencePieces } from "./encoders.ts";
import { randomWeights, tensor } from "./random_weights.ts";

const WIDTH = 64;
/** KV heads of each layer; a layer without any is a short convolution. */
const KV_HEADS = [0, 2, 0, 2];
const HEADS = 4;
const HEAD = WIDTH / HEADS;
const FEED_FORWARD = 128;
/** Tokens that a convolution reaches back, its own included. */
const CACHE = 3;

/** The model's file. */
export function hybridModel(): Uint8Array<ArrayBuffer> {
  const vocabulary = sentencePieces();
  const tensors = [
    tensor("token_embd.weight", "table", WIDTH, vocabulary.texts.length),
    tensor("token_embd_norm.weight", "norm", WIDTH),
  ];
  KV_HEADS.forEach((kvHeads, layer) => {
    const block = `blk.${layer}.`;
    tensors.push(
      tensor(`${block}attn_norm.weight`, "norm", WIDTH),
      tensor(`${block}ffn_norm.weight`, "norm", WIDTH),
      tensor(`${block}ffn_gate.weight`, "matrix", WIDTH, FEED_FORWARD),
      tensor(`${block}ffn_down.weight`, "matrix", FEED_FORWARD, WIDTH),
      tensor(`${block}ffn_up.weight`, "matrix", WIDTH, FEED_FORWARD),
    );
    if (kvHeads === 0) {
      tensors.push(
        tensor(`${block}shortconv.conv.weight`, "matrix", CACHE, WIDTH),
        tensor(`${block}shortconv.in_proj.weight`, "matrix", WIDTH, 3 * WIDTH),
        tensor(`${block}shortconv.out_proj.weight`, "matrix", WIDTH, WIDTH),
      );
    } else {
      tensors.push(
        tensor(`${block}attn_q_norm.weight`, "norm", HEAD),
        tensor(`${block}attn_k_norm.weight`, "norm", HEAD),
        tensor(`${block}attn_q.weight`, "matrix", WIDTH, WIDTH),
        tensor(`${block}attn_k.weight`, "matrix", WIDTH, kvHeads * HEAD),
        tensor(`${block}attn_v.weight`, "matrix", WIDTH, kvHeads * HEAD),
        tensor(`${block}attn_output.weight`, "matrix", WIDTH, WIDTH),
      );
    }
  });
  return buildGguf({
    metadata: {
      "general.architecture": "lfm2",
      "general.name": "random weights",
      "general.file_type": 0,
      "lfm2.context_length": 2048,
      "lfm2.embedding_length": WIDTH,
      "lfm2.block_count": KV_HEADS.length,
      "lfm2.feed_forward_length": FEED_FORWARD,
      "lfm2.vocab_size": vocabulary.texts.length,
      "lfm2.attention.head_count": HEADS,
      "lfm2.attention.head_count_kv": { i32s: KV_HEADS },
      "lfm2.attention.layer_norm_rms_epsilon": { f32: 1e-5 },
      "lfm2.shortconv.l_cache": CACHE,
      "lfm2.rope.freq_base": { f32: 1e6 },
      ...vocabulary.metadata,
      "tokenizer.ggml.add_eos_token": false,
    },
    ...randomWeights(tensors, 12),
  });
}
