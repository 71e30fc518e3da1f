/** Tiny embedding and reranking models with random weights, built in memory. */
import { benchVocabulary } from "../../scripts/bench/vocabulary.ts";
import { buildGguf, type GgufEntry } from "./build_gguf.ts";
import { type RandomTensor, randomWeights, tensor } from "./random_weights.ts";

/** `enum llama_pooling_type` of llama.h. */
const POOLING = { none: 0, mean: 1, cls: 2, last: 3, rank: 4 } as const;
export type Pooling = keyof typeof POOLING;

export interface EncoderShape {
  /** Length of an embedding. */
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly feedForward: number;
  /** Maximum number of tokens of a text. */
  readonly context: number;
}

/** Small enough for fast computation, with a limit that a test can reach. */
export const TINY_SHAPE: EncoderShape = {
  width: 32,
  layers: 2,
  heads: 2,
  feedForward: 64,
  context: 96,
};

const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const LETTERS = "abcdefghijklmnopqrstuvwxyz";
/** Prefix of the first piece of a word in llama.cpp's WordPiece vocabularies. */
const BEGIN = "\u2581";

interface Vocabulary {
  readonly texts: readonly string[];
  readonly metadata: Readonly<Record<string, GgufEntry>>;
}

/**
 * A WordPiece vocabulary of 300 tokens: special tokens, letters, digits, punctuation and pairs of
 * letters.
 */
function wordPieces(): Vocabulary {
  const marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  const texts = [...marks];
  for (const letter of LETTERS + "0123456789") texts.push(BEGIN + letter, letter);
  for (const sign of ".,;:!?'\"-()[]") texts.push(BEGIN + sign);
  for (const second of "aeioulnrst") {
    for (const first of LETTERS) {
      if (texts.length < 300) texts.push((texts.length % 2 === 0 ? BEGIN : "") + first + second);
    }
  }
  return {
    texts,
    metadata: {
      "tokenizer.ggml.model": "bert",
      "tokenizer.ggml.tokens": texts,
      "tokenizer.ggml.scores": { f32s: texts.map(() => 0) },
      "tokenizer.ggml.token_type": {
        i32s: texts.map((_, id) => id === 1 ? UNKNOWN : id < marks.length ? CONTROL : NORMAL),
      },
      "tokenizer.ggml.token_type_count": 2,
      "tokenizer.ggml.padding_token_id": 0,
      "tokenizer.ggml.unknown_token_id": 1,
      "tokenizer.ggml.bos_token_id": 2,
      "tokenizer.ggml.cls_token_id": 2,
      "tokenizer.ggml.eos_token_id": 3,
      "tokenizer.ggml.seperator_token_id": 3,
      "tokenizer.ggml.mask_token_id": 4,
    },
  };
}

/**
 * A SentencePiece vocabulary of 600 tokens. Texts end with EOS, as for Qwen 3's embedding models.
 */
export function sentencePieces(): Vocabulary {
  const entries = benchVocabulary(600);
  return {
    texts: entries.map(({ text }) => text),
    metadata: {
      "tokenizer.ggml.model": "llama",
      "tokenizer.ggml.tokens": entries.map(({ text }) => text),
      "tokenizer.ggml.scores": { f32s: entries.map(({ score }) => score) },
      "tokenizer.ggml.token_type": { i32s: entries.map(({ kind }) => kind) },
      "tokenizer.ggml.unknown_token_id": 0,
      "tokenizer.ggml.bos_token_id": 1,
      "tokenizer.ggml.eos_token_id": 2,
      "tokenizer.ggml.add_bos_token": false,
      "tokenizer.ggml.add_eos_token": true,
    },
  };
}

/** A matrix and its bias. */
const linear = (name: string, inputs: number, outputs: number): RandomTensor[] => [
  tensor(`${name}.weight`, "matrix", inputs, outputs),
  tensor(`${name}.bias`, "bias", outputs),
];

const layerNorm = (name: string, width: number): RandomTensor[] => [
  tensor(`${name}.weight`, "norm", width),
  tensor(`${name}.bias`, "bias", width),
];

/**
 * An encoder with BERT's architecture. With `rank` pooling it has the classification head of a
 * cross-encoder: one score from `cls` and `cls.output`.
 */
export function bertModel(
  pooling: Pooling | null,
  shape: EncoderShape = TINY_SHAPE,
): Uint8Array<ArrayBuffer> {
  const { width, feedForward } = shape;
  const vocabulary = wordPieces();
  const tensors: RandomTensor[] = [
    tensor("token_embd.weight", "table", width, vocabulary.texts.length),
    tensor("token_types.weight", "bias", width, 2),
    tensor("position_embd.weight", "table", width, shape.context),
    ...layerNorm("token_embd_norm", width),
  ];
  for (let layer = 0; layer < shape.layers; layer++) {
    const block = `blk.${layer}.`;
    tensors.push(
      ...linear(`${block}attn_q`, width, width),
      ...linear(`${block}attn_k`, width, width),
      ...linear(`${block}attn_v`, width, width),
      ...linear(`${block}attn_output`, width, width),
      ...layerNorm(`${block}attn_output_norm`, width),
      ...linear(`${block}ffn_up`, width, feedForward),
      ...linear(`${block}ffn_down`, feedForward, width),
      ...layerNorm(`${block}layer_output_norm`, width),
    );
  }
  if (pooling === "rank") {
    tensors.push(...linear("cls", width, width), ...linear("cls.output", width, 1));
  }
  return buildGguf({
    metadata: {
      "general.architecture": "bert",
      "general.name": "random weights",
      "general.file_type": 0,
      "bert.context_length": shape.context,
      "bert.embedding_length": width,
      "bert.block_count": shape.layers,
      "bert.feed_forward_length": feedForward,
      "bert.attention.head_count": shape.heads,
      "bert.attention.layer_norm_epsilon": { f32: 1e-12 },
      "bert.attention.causal": false,
      ...(pooling === null ? {} : { "bert.pooling_type": POOLING[pooling] }),
      ...vocabulary.metadata,
    },
    ...randomWeights(tensors, 3),
  });
}

/** The format of a query and a document in Qwen 3's rerankers, shortened. */
export const RERANK_TEMPLATE = "<|im_start|>q: {query}\nd: {document}<|im_end|>\n";

/**
 * A decoder with Qwen 3's architecture. With `rank` pooling it has the head of Qwen 3's rerankers
 * (`yes` and `no`) and a template for pairs.
 */
export function qwenModel(
  pooling: Pooling | null,
  shape: EncoderShape = TINY_SHAPE,
): Uint8Array<ArrayBuffer> {
  const { width, heads, feedForward } = shape;
  const vocabulary = sentencePieces();
  const tensors: RandomTensor[] = [
    tensor("token_embd.weight", "table", width, vocabulary.texts.length),
    tensor("output_norm.weight", "norm", width),
  ];
  for (let layer = 0; layer < shape.layers; layer++) {
    const block = `blk.${layer}.`;
    tensors.push(
      tensor(`${block}attn_norm.weight`, "norm", width),
      tensor(`${block}attn_q.weight`, "matrix", width, width),
      tensor(`${block}attn_k.weight`, "matrix", width, width),
      tensor(`${block}attn_v.weight`, "matrix", width, width),
      tensor(`${block}attn_output.weight`, "matrix", width, width),
      tensor(`${block}attn_q_norm.weight`, "norm", width / heads),
      tensor(`${block}attn_k_norm.weight`, "norm", width / heads),
      tensor(`${block}ffn_norm.weight`, "norm", width),
      tensor(`${block}ffn_gate.weight`, "matrix", width, feedForward),
      tensor(`${block}ffn_down.weight`, "matrix", feedForward, width),
      tensor(`${block}ffn_up.weight`, "matrix", width, feedForward),
    );
  }
  if (pooling === "rank") tensors.push(tensor("cls.output.weight", "matrix", width, 2));
  return buildGguf({
    metadata: {
      "general.architecture": "qwen3",
      "general.name": "random weights",
      "general.file_type": 0,
      "qwen3.context_length": shape.context,
      "qwen3.embedding_length": width,
      "qwen3.block_count": shape.layers,
      "qwen3.feed_forward_length": feedForward,
      "qwen3.attention.head_count": heads,
      "qwen3.attention.head_count_kv": heads,
      "qwen3.attention.key_length": width / heads,
      "qwen3.attention.value_length": width / heads,
      "qwen3.attention.layer_norm_rms_epsilon": { f32: 1e-6 },
      "qwen3.rope.freq_base": { f32: 10_000 },
      ...(pooling === null ? {} : { "qwen3.pooling_type": POOLING[pooling] }),
      ...(pooling === "rank"
        ? {
          "qwen3.classifier.output_labels": ["yes", "no"],
          "tokenizer.chat_template.rerank": RERANK_TEMPLATE,
        }
        : {}),
      ...vocabulary.metadata,
    },
    ...randomWeights(tensors, 4),
  });
}

/** All kinds of embedding and reranking models, by their names in the golden facts. */
export const ENCODERS = {
  "bert-mean": () => bertModel("mean"),
  "bert-cls": () => bertModel("cls"),
  "bert-rank": () => bertModel("rank"),
  "qwen3-last": () => qwenModel("last"),
  "qwen3-mean": () => qwenModel("mean"),
  "qwen3-rank": () => qwenModel("rank"),
} as const;
export type EncoderName = keyof typeof ENCODERS;
