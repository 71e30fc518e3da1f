/** A tiny recurrent model (Mamba) with random weights. Its state cannot be truncated. */
import { buildGguf } from "./build_gguf.ts";
import { sentencePieces } from "./encoders.ts";
import { randomWeights, tensor } from "./random_weights.ts";

const WIDTH = 64;
const LAYERS = 2;
/** libllama supports only an expansion factor of 2. */
const INNER = 2 * WIDTH;
const STATE = 16;
const KERNEL = 4;
const TIME_STEP_RANK = 4;

/** The model's file. */
export function mambaModel(): Uint8Array<ArrayBuffer> {
  const vocabulary = sentencePieces();
  const tensors = [
    tensor("token_embd.weight", "table", WIDTH, vocabulary.texts.length),
    tensor("output_norm.weight", "norm", WIDTH),
  ];
  for (let layer = 0; layer < LAYERS; layer++) {
    const block = `blk.${layer}.`;
    tensors.push(
      tensor(`${block}attn_norm.weight`, "norm", WIDTH),
      tensor(`${block}ssm_in.weight`, "matrix", WIDTH, 2 * INNER),
      tensor(`${block}ssm_conv1d.weight`, "matrix", KERNEL, INNER),
      tensor(`${block}ssm_conv1d.bias`, "bias", INNER),
      tensor(`${block}ssm_x.weight`, "matrix", INNER, TIME_STEP_RANK + 2 * STATE),
      tensor(`${block}ssm_dt.weight`, "matrix", TIME_STEP_RANK, INNER),
      tensor(`${block}ssm_dt.bias`, "bias", INNER),
      tensor(`${block}ssm_a`, "decay", STATE, INNER),
      tensor(`${block}ssm_d`, "norm", INNER),
      tensor(`${block}ssm_out.weight`, "matrix", INNER, WIDTH),
    );
  }
  return buildGguf({
    metadata: {
      "general.architecture": "mamba",
      "general.name": "random weights",
      "general.file_type": 0,
      "mamba.context_length": 512,
      "mamba.embedding_length": WIDTH,
      "mamba.block_count": LAYERS,
      "mamba.feed_forward_length": 0,
      "mamba.attention.head_count": 0,
      "mamba.attention.layer_norm_rms_epsilon": { f32: 1e-5 },
      "mamba.ssm.conv_kernel": KERNEL,
      "mamba.ssm.inner_size": INNER,
      "mamba.ssm.state_size": STATE,
      "mamba.ssm.time_step_rank": TIME_STEP_RANK,
      ...vocabulary.metadata,
      "tokenizer.ggml.add_eos_token": false,
    },
    ...randomWeights(tensors, 6),
  });
}
