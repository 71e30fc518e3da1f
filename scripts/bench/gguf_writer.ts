/** Writes models with random weights, which compute as fast as trained ones. */
import { LittleEndian } from "./little_endian.ts";
import type { VocabularyEntry } from "./vocabulary.ts";

/** Element types of weights. */
export const WEIGHT_TYPES = ["f16", "q8_0", "q4_0"] as const;
export type WeightType = (typeof WEIGHT_TYPES)[number];

/** Shape of a model with the llama architecture. */
export interface ModelShape {
  readonly type: WeightType;
  readonly embedding: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly feedForward: number;
  /** Trained context length in the metadata. */
  readonly context: number;
  /** Experts per layer, and experts used per token; absent for a dense model. */
  readonly experts?: { readonly count: number; readonly used: number };
  readonly seed: number;
}

/** About 246 million parameters with 32,000 tokens: measurable on two cores. */
export const DEFAULT_SHAPE: ModelShape = {
  type: "q4_0",
  embedding: 1024,
  layers: 16,
  heads: 16,
  kvHeads: 4,
  feedForward: 2816,
  context: 4096,
  seed: 1,
};

interface Tensor {
  readonly name: string;
  /** Fastest dimension first, as in GGUF. */
  readonly shape: readonly number[];
  readonly type: WeightType | "f32";
}

/** `ggml_type`, elements per block and bytes per block. */
const LAYOUT = {
  f32: { id: 0, elements: 1, bytes: 4, fileType: 0 },
  f16: { id: 1, elements: 1, bytes: 2, fileType: 1 },
  q4_0: { id: 2, elements: 32, bytes: 18, fileType: 2 },
  q8_0: { id: 8, elements: 32, bytes: 34, fileType: 7 },
} as const;

const ALIGNMENT = 32;
/** Bytes generated and written at a time: a multiple of the block size of every type. */
const CHUNK = 18 * 34 * 32 * 64;

/**
 * Writes a model to a file. The same shape and seed give the same bytes.
 *
 * Format: GGUF version 3 (docs/gguf.md of ggml); blocks as in ggml-common.h.
 *
 * @throws {RangeError} if a dimension does not fit the blocks of the type or the heads.
 */
export async function writeModel(
  path: string,
  shape: ModelShape,
  vocabulary: readonly VocabularyEntry[],
): Promise<void> {
  checkShape(shape);
  const tensors = tensorsOf(shape, vocabulary.length);
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  const writer = file.writable.getWriter();
  try {
    await writer.write(head(shape, vocabulary, tensors));
    const random = xorshift(shape.seed);
    for (const tensor of tensors) {
      for (const chunk of weights(tensor, random)) await writer.write(chunk);
    }
  } finally {
    await writer.close();
  }
}

function checkShape({ embedding, heads, kvHeads, feedForward }: ModelShape): void {
  if (embedding % 32 !== 0 || feedForward % 32 !== 0) {
    throw new RangeError(
      `Cannot write the model: embedding ${embedding} and feed-forward ${feedForward} must be multiples of 32`,
    );
  }
  if (embedding % heads !== 0 || heads % kvHeads !== 0 || (embedding / heads) % 2 !== 0) {
    throw new RangeError(
      `Cannot write the model: ${heads} heads with ${kvHeads} for keys and values do not divide embedding ${embedding}`,
    );
  }
}

function tensorsOf(shape: ModelShape, vocabulary: number): Tensor[] {
  const { type, embedding, feedForward, experts } = shape;
  const kv = (embedding / shape.heads) * shape.kvHeads;
  const norm = (name: string): Tensor => ({ name, shape: [embedding], type: "f32" });
  const tensors: Tensor[] = [{ name: "token_embd.weight", shape: [embedding, vocabulary], type }];
  for (let layer = 0; layer < shape.layers; layer++) {
    const matrix = (name: string, ...dimensions: number[]): Tensor => ({
      name: `blk.${layer}.${name}.weight`,
      shape: dimensions,
      type,
    });
    tensors.push(
      norm(`blk.${layer}.attn_norm.weight`),
      matrix("attn_q", embedding, embedding),
      matrix("attn_k", embedding, kv),
      matrix("attn_v", embedding, kv),
      matrix("attn_output", embedding, embedding),
      norm(`blk.${layer}.ffn_norm.weight`),
    );
    if (experts === undefined) {
      tensors.push(
        matrix("ffn_gate", embedding, feedForward),
        matrix("ffn_down", feedForward, embedding),
        matrix("ffn_up", embedding, feedForward),
      );
    } else {
      tensors.push(
        { ...matrix("ffn_gate_inp", embedding, experts.count), type: "f32" },
        matrix("ffn_gate_exps", embedding, feedForward, experts.count),
        matrix("ffn_down_exps", feedForward, embedding, experts.count),
        matrix("ffn_up_exps", embedding, feedForward, experts.count),
      );
    }
  }
  tensors.push(norm("output_norm.weight"), {
    name: "output.weight",
    shape: [embedding, vocabulary],
    type,
  });
  return tensors;
}

function sizeOf({ shape, type }: Tensor): number {
  const { elements, bytes } = LAYOUT[type];
  return shape.reduce((product, dimension) => product * dimension, 1) / elements * bytes;
}

function padded(size: number): number {
  return Math.ceil(size / ALIGNMENT) * ALIGNMENT;
}

const U32 = 4;
const F32 = 6;
const BOOL = 7;
const STRING = 8;
const ARRAY = 9;
const I32 = 5;

function head(
  shape: ModelShape,
  vocabulary: readonly VocabularyEntry[],
  tensors: readonly Tensor[],
): Uint8Array<ArrayBuffer> {
  const out = new LittleEndian();
  let keys = 0;
  const key = (name: string) => {
    keys++;
    return out.text(name);
  };
  const u32 = (name: string, value: number) => key(name).u32(U32).u32(value);
  const text = (name: string, value: string) => key(name).u32(STRING).text(value);
  out.raw(new TextEncoder().encode("GGUF")).u32(3).u64(tensors.length);
  const count = out.hole64();
  text("general.architecture", "llama");
  text("general.name", "random weights");
  u32("general.file_type", LAYOUT[shape.type].fileType);
  u32("llama.context_length", shape.context);
  u32("llama.embedding_length", shape.embedding);
  u32("llama.block_count", shape.layers);
  u32("llama.feed_forward_length", shape.feedForward);
  u32("llama.attention.head_count", shape.heads);
  u32("llama.attention.head_count_kv", shape.kvHeads);
  u32("llama.rope.dimension_count", shape.embedding / shape.heads);
  u32("llama.vocab_size", vocabulary.length);
  key("llama.attention.layer_norm_rms_epsilon").u32(F32).f32(1e-5);
  if (shape.experts !== undefined) {
    u32("llama.expert_count", shape.experts.count);
    u32("llama.expert_used_count", shape.experts.used);
  }
  text("tokenizer.ggml.model", "llama");
  key("tokenizer.ggml.tokens").u32(ARRAY).u32(STRING).u64(vocabulary.length);
  for (const entry of vocabulary) out.text(entry.text);
  key("tokenizer.ggml.scores").u32(ARRAY).u32(F32).u64(vocabulary.length);
  for (const entry of vocabulary) out.f32(entry.score);
  key("tokenizer.ggml.token_type").u32(ARRAY).u32(I32).u64(vocabulary.length);
  for (const entry of vocabulary) out.u32(entry.kind);
  for (const [name, token] of [["unknown", 0], ["bos", 1], ["eos", 2]] as const) {
    u32(`tokenizer.ggml.${name}_token_id`, token);
  }
  key("tokenizer.ggml.add_bos_token").u32(BOOL).raw(Uint8Array.of(1));
  count(keys);
  let offset = 0;
  for (const tensor of tensors) {
    out.text(tensor.name).u32(tensor.shape.length);
    for (const dimension of tensor.shape) out.u64(dimension);
    out.u32(LAYOUT[tensor.type].id).u64(offset);
    offset += padded(sizeOf(tensor));
  }
  return out.padded(ALIGNMENT);
}

/** Padded bytes of a tensor, in chunks. */
function* weights(
  tensor: Tensor,
  random: () => number,
): Generator<Uint8Array<ArrayBuffer>> {
  const size = sizeOf(tensor);
  const whole = padded(size);
  for (let at = 0; at < whole; at += CHUNK) {
    const chunk = new Uint8Array(Math.min(CHUNK, whole - at));
    const used = Math.min(chunk.length, size - at);
    FILL[tensor.type](chunk.subarray(0, used), random, tensor.shape.length === 1);
    yield chunk;
  }
}

/** 0.25 / 127 and 0.25 / 8 in half precision: weights are at most about 0.25. */
const Q8_SCALE = 0x1808;
const Q4_SCALE = 0x2800;

const FILL = {
  f32(bytes: Uint8Array<ArrayBuffer>, random: () => number, norm: boolean) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length; at += 4) {
      view.setFloat32(at, norm ? 1 : (random() / 2 ** 32 - 0.5) / 8, true);
    }
  },
  f16(bytes: Uint8Array<ArrayBuffer>, random: () => number) {
    noise(bytes, random);
    // Keep sign and mantissa; set the exponent to 8 or 9: 2^-7 to 2^-5.
    for (let at = 1; at < bytes.length; at += 2) {
      bytes[at] = (bytes[at]! & 0x83) | (8 << 2) | (bytes[at]! & 4);
    }
  },
  q4_0(bytes: Uint8Array<ArrayBuffer>, random: () => number) {
    blocks(bytes, random, LAYOUT.q4_0.bytes, Q4_SCALE);
  },
  q8_0(bytes: Uint8Array<ArrayBuffer>, random: () => number) {
    blocks(bytes, random, LAYOUT.q8_0.bytes, Q8_SCALE);
  },
};

function blocks(
  bytes: Uint8Array<ArrayBuffer>,
  random: () => number,
  size: number,
  scale: number,
): void {
  noise(bytes, random);
  for (let at = 0; at < bytes.length; at += size) {
    bytes[at] = scale & 0xff;
    bytes[at + 1] = scale >> 8;
  }
}

function noise(bytes: Uint8Array<ArrayBuffer>, random: () => number): void {
  const words = new Uint32Array(Math.ceil(bytes.length / 4));
  for (let at = 0; at < words.length; at++) words[at] = random();
  bytes.set(new Uint8Array(words.buffer).subarray(0, bytes.length));
}

/** Marsaglia's xorshift generator of 32-bit numbers. */
export function xorshift(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
