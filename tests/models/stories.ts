/**
 * A tiny model with the llama architecture, a SentencePiece vocabulary and random weights, which never
 * ends a text by itself: a stand-in for models that are trained on endless stories.
 */
import { buildGguf } from "./build_gguf.ts";
import { sentencePieces } from "./encoders.ts";
import { randomWeights, tensor } from "./random_weights.ts";

const WIDTH = 64;
const LAYERS = 3;
const HEADS = 4;
const FEED_FORWARD = 128;
const EOS = 2;
/** Types of tokens, of `llama_token_type`. */
const NORMAL = 1;
const USER_DEFINED = 4;

/** Frequent pairs of letters, so that texts have about as many tokens as with a trained vocabulary. */
const PAIRS =
  "th he in er an re nd at on nt ha es st en ed to it ou ea hi is or ti as te et ng of al " +
  "de se le sa si ar ve ra ld ur um am lo us do qu el me ic ro ck ow ui om ps mp li ie ui la ec ne";

/** Texts that libllama would take for ends of a text. */
const NO_ENDS: Readonly<Record<string, string>> = { "<|im_end|>": "<|mark|>" };

const CHATML = "{% for message in messages %}<|im_start|>{{ message.role }}\n" +
  "{{ message.content }}<|im_end|>\n{% endfor %}" +
  "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/** Ids of tokens that stand for fill-in-the-middle tokens: bytes that no text has. */
const FILL_TOKENS = {
  "tokenizer.ggml.fim_pre_token_id": 6,
  "tokenizer.ggml.fim_suf_token_id": 7,
  "tokenizer.ggml.fim_mid_token_id": 8,
};

/**
 * The model's file.
 *
 * @param fills Whether the vocabulary has fill-in-the-middle tokens.
 * @param context Tokens of its context.
 * @param marks Texts that are one token each.
 */
export function storiesModel(
  fills = false,
  context = 2048,
  marks: readonly string[] = [],
): Uint8Array<ArrayBuffer> {
  const { texts: short, metadata } = sentencePieces();
  const pairs = [...new Set(PAIRS.split(" "))];
  const texts = [...short, ...pairs, ...marks];
  const tensors = [
    tensor("token_embd.weight", "table", WIDTH, texts.length),
    tensor("output_norm.weight", "norm", WIDTH),
    tensor("output.weight", "bias", WIDTH, texts.length),
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
  const random = randomWeights(tensors, 5);
  const output = random.tensors.find(({ name }) => name === "output.weight")!;
  // A logit of 0 is never among the 40 most likely of 600.
  const row = output.offset! + 4 * WIDTH * EOS;
  random.weights.fill(0, row, row + 4 * WIDTH);
  return buildGguf({
    metadata: {
      "general.architecture": "llama",
      "general.name": "random weights",
      "general.file_type": 0,
      "llama.context_length": context,
      "llama.embedding_length": WIDTH,
      "llama.block_count": LAYERS,
      "llama.feed_forward_length": FEED_FORWARD,
      "llama.attention.head_count": HEADS,
      "llama.attention.head_count_kv": HEADS,
      "llama.rope.dimension_count": WIDTH / HEADS,
      "llama.attention.layer_norm_rms_epsilon": { f32: 1e-5 },
      ...metadata,
      "tokenizer.ggml.tokens": texts.map((text) => NO_ENDS[text] ?? text),
      // Earlier pieces merge first.
      "tokenizer.ggml.scores": { f32s: texts.map((_, id) => -id) },
      "tokenizer.ggml.token_type": {
        i32s: [
          ...(metadata["tokenizer.ggml.token_type"] as { i32s: number[] }).i32s,
          ...pairs.map(() => NORMAL),
          ...marks.map(() => USER_DEFINED),
        ],
      },
      "tokenizer.ggml.add_bos_token": true,
      "tokenizer.ggml.add_eos_token": false,
      "tokenizer.chat_template": CHATML,
      ...(fills ? FILL_TOKENS : {}),
    },
    ...random,
  });
}
