/** A tiny model with Mamba 2 and attention layers (Granite 4) and random weights: its memory is a hybrid. */
import { buildGguf } from "./build_gguf.ts";
import { sentencePieces } from "./encoders.ts";
import { randomWeights, tensor } from "./random_weights.ts";

const WIDTH = 64;
/** KV heads of each layer; a layer without any is a state-space layer. */
const KV_HEADS = [0, 2, 0, 0];
const HEADS = 4;
const HEAD = WIDTH / HEADS;
const FEED_FORWARD = 128;
/** libllama supports only an expansion factor of 2. */
const INNER = 2 * WIDTH;
const STATE = 16;
const KERNEL = 4;
const SSM_HEADS = 4;
const GROUPS = 1;
const CONVOLVED = INNER + 2 * GROUPS * STATE;

/** The model's file. */
export function hybridSsmModel(): Uint8Array<ArrayBuffer> {
  const vocabulary = sentencePieces();
  const tensors = [
    tensor("token_embd.weight", "table", WIDTH, vocabulary.texts.length),
    tensor("output_norm.weight", "norm", WIDTH),
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
        tensor(`${block}ssm_in.weight`, "matrix", WIDTH, INNER + CONVOLVED + SSM_HEADS),
        tensor(`${block}ssm_conv1d.weight`, "matrix", KERNEL, CONVOLVED),
        tensor(`${block}ssm_conv1d.bias`, "bias", CONVOLVED),
        tensor(`${block}ssm_dt.bias`, "bias", SSM_HEADS),
        tensor(`${block}ssm_a`, "decay", 1, SSM_HEADS),
        tensor(`${block}ssm_d`, "norm", 1, SSM_HEADS),
        tensor(`${block}ssm_norm.weight`, "norm", INNER / GROUPS, GROUPS),
        tensor(`${block}ssm_out.weight`, "matrix", INNER, WIDTH),
      );
    } else {
      tensors.push(
        tensor(`${block}attn_q.weight`, "matrix", WIDTH, WIDTH),
        tensor(`${block}attn_k.weight`, "matrix", WIDTH, kvHeads * HEAD),
        tensor(`${block}attn_v.weight`, "matrix", WIDTH, kvHeads * HEAD),
        tensor(`${block}attn_output.weight`, "matrix", WIDTH, WIDTH),
      );
    }
  });
  return buildGguf({
    metadata: {
      "general.architecture": "granitehybrid",
      "general.name": "random weights",
      "general.file_type": 0,
      "granitehybrid.context_length": 2048,
      "granitehybrid.embedding_length": WIDTH,
      "granitehybrid.block_count": KV_HEADS.length,
      "granitehybrid.feed_forward_length": FEED_FORWARD,
      "granitehybrid.vocab_size": vocabulary.texts.length,
      "granitehybrid.attention.head_count": HEADS,
      "granitehybrid.attention.head_count_kv": { i32s: KV_HEADS },
      "granitehybrid.attention.layer_norm_rms_epsilon": { f32: 1e-5 },
      "granitehybrid.rope.dimension_count": HEAD,
      "granitehybrid.rope.freq_base": { f32: 1e4 },
      "granitehybrid.ssm.conv_kernel": KERNEL,
      "granitehybrid.ssm.inner_size": INNER,
      "granitehybrid.ssm.state_size": STATE,
      "granitehybrid.ssm.time_step_rank": SSM_HEADS,
      "granitehybrid.ssm.group_count": GROUPS,
      ...vocabulary.metadata,
      "tokenizer.ggml.add_eos_token": false,
    },
    ...randomWeights(tensors, 18),
  });
}
