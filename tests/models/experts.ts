/** Tiny models with mixtures of experts and random weights. */
import { buildGguf } from "./build_gguf.ts";
import { sentencePieces } from "./encoders.ts";
import { type RandomTensor, randomWeights, tensor } from "./random_weights.ts";

const WIDTH = 64;
const HEADS = 4;
const KV_HEADS = 2;
const HEAD = 16;
const FEED_FORWARD = 64;
const EXPERTS = 4;
const EXPERTS_USED = 2;
/** Window size of every second layer of gpt-oss, in tokens. */
const WINDOW = 24;

/** Metadata that both architectures have. */
function common(architecture: string, layers: number) {
  const vocabulary = sentencePieces();
  return {
    "general.architecture": architecture,
    "general.name": "random weights",
    "general.file_type": 0,
    [`${architecture}.context_length`]: 2048,
    [`${architecture}.embedding_length`]: WIDTH,
    [`${architecture}.block_count`]: layers,
    [`${architecture}.feed_forward_length`]: FEED_FORWARD,
    [`${architecture}.expert_feed_forward_length`]: FEED_FORWARD,
    [`${architecture}.expert_count`]: EXPERTS,
    [`${architecture}.expert_used_count`]: EXPERTS_USED,
    [`${architecture}.attention.head_count`]: HEADS,
    [`${architecture}.attention.head_count_kv`]: KV_HEADS,
    [`${architecture}.attention.key_length`]: HEAD,
    [`${architecture}.attention.value_length`]: HEAD,
    [`${architecture}.attention.layer_norm_rms_epsilon`]: { f32: 1e-5 },
    [`${architecture}.rope.freq_base`]: { f32: 1e6 },
    ...vocabulary.metadata,
    "tokenizer.ggml.add_eos_token": false,
  };
}

function tables(): RandomTensor[] {
  const size = sentencePieces().texts.length;
  return [
    tensor("token_embd.weight", "table", WIDTH, size),
    tensor("output.weight", "matrix", WIDTH, size),
    tensor("output_norm.weight", "norm", WIDTH),
  ];
}

/** Weights of attention and experts of a layer. */
function layerWeights(block: string): RandomTensor[] {
  return [
    tensor(`${block}attn_norm.weight`, "norm", WIDTH),
    tensor(`${block}attn_q.weight`, "matrix", WIDTH, HEADS * HEAD),
    tensor(`${block}attn_k.weight`, "matrix", WIDTH, KV_HEADS * HEAD),
    tensor(`${block}attn_v.weight`, "matrix", WIDTH, KV_HEADS * HEAD),
    tensor(`${block}attn_output.weight`, "matrix", HEADS * HEAD, WIDTH),
    tensor(`${block}ffn_gate_inp.weight`, "matrix", WIDTH, EXPERTS),
    tensor(`${block}ffn_gate_exps.weight`, "matrix", WIDTH, FEED_FORWARD, EXPERTS),
    tensor(`${block}ffn_up_exps.weight`, "matrix", WIDTH, FEED_FORWARD, EXPERTS),
    tensor(`${block}ffn_down_exps.weight`, "matrix", FEED_FORWARD, WIDTH, EXPERTS),
  ];
}

/** Full attention and experts (Qwen 3 MoE). */
export function mixtureModel(): Uint8Array<ArrayBuffer> {
  const layers = 3;
  const tensors = tables();
  for (let layer = 0; layer < layers; layer++) {
    const block = `blk.${layer}.`;
    tensors.push(
      ...layerWeights(block),
      tensor(`${block}attn_q_norm.weight`, "norm", HEAD),
      tensor(`${block}attn_k_norm.weight`, "norm", HEAD),
      tensor(`${block}ffn_norm.weight`, "norm", WIDTH),
    );
  }
  return buildGguf({ metadata: common("qwen3moe", layers), ...randomWeights(tensors, 15) });
}

/** A sliding window in every second layer, attention sinks and experts (gpt-oss). */
export function gptOssModel(): Uint8Array<ArrayBuffer> {
  const layers = 4;
  const tensors = tables();
  for (let layer = 0; layer < layers; layer++) {
    const block = `blk.${layer}.`;
    tensors.push(
      ...layerWeights(block),
      tensor(`${block}post_attention_norm.weight`, "norm", WIDTH),
      tensor(`${block}attn_output.bias`, "bias", WIDTH),
      tensor(`${block}attn_sinks.weight`, "table", HEADS),
      tensor(`${block}ffn_gate_inp.bias`, "bias", EXPERTS),
      tensor(`${block}ffn_gate_exps.bias`, "bias", FEED_FORWARD, EXPERTS),
      tensor(`${block}ffn_up_exps.bias`, "bias", FEED_FORWARD, EXPERTS),
      tensor(`${block}ffn_down_exps.bias`, "bias", WIDTH, EXPERTS),
    );
  }
  return buildGguf({
    metadata: { ...common("gpt-oss", layers), "gpt-oss.attention.sliding_window": WINDOW },
    ...randomWeights(tensors, 16),
  });
}
