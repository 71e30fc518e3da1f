/**
 * Projectors with random weights. Names of keys and tensors are
 * those of clip-impl.h in llama.cpp's tools/mtmd.
 */
import { buildGguf, type GgufEntry } from "./build_gguf.ts";
import { type RandomTensor, randomWeights, tensor } from "./random_weights.ts";

/** Size of an encoder and its projector. */
export interface TowerSize {
  /** Values of an embedding of the text model. */
  readonly textWidth: number;
  readonly width: number;
  readonly heads: number;
  readonly feedForward: number;
  readonly layers: number;
  /** Width and height of a patch in pixels. */
  readonly patch: number;
  /** Patches in a line of the smallest picture. */
  readonly side: number;
}

/** For text models with embeddings of 64 values. */
const TINY_TOWER: TowerSize = {
  textWidth: 64,
  width: 32,
  heads: 2,
  feedForward: 48,
  layers: 3,
  patch: 7,
  side: 4,
};

/** Kinds of projectors. */
export const TOWERS = ["mlp", "gemma3", "pixtral", "qwen2vl", "idefics3"] as const;
export type Tower = (typeof TOWERS)[number];

interface TowerParts {
  /** The projector's type, if it is not the name of the kind. */
  readonly type?: string;
  /** Width and height of the picture that the encoder reads, in pixels. */
  readonly imageSize: number;
  readonly metadata: Readonly<Record<string, GgufEntry>>;
  readonly tensors: readonly RandomTensor[];
}

/** What the kinds of projectors have of their own. */
const partsOf = (
  { textWidth, width, patch, side }: TowerSize,
): Readonly<Record<Tower, TowerParts>> => ({
  /** LLaVA 1.5: CLIP and two layers. 16 rows an image. */
  mlp: {
    imageSize: side * patch,
    metadata: {},
    tensors: [
      tensor("v.class_embd", "bias", width),
      tensor("v.position_embd.weight", "table", width, side ** 2 + 1),
      tensor("v.pre_ln.weight", "norm", width),
      tensor("v.pre_ln.bias", "bias", width),
      tensor("mm.0.weight", "matrix", width, textWidth),
      tensor("mm.0.bias", "bias", textWidth),
      tensor("mm.2.weight", "matrix", textWidth, textWidth),
      tensor("mm.2.bias", "bias", textWidth),
    ],
  },
  /** Gemma 3: SigLIP and pooling of 2 x 2 patches. 16 rows an image, which see each other. */
  gemma3: {
    imageSize: 2 * side * patch,
    metadata: { "clip.use_gelu": true, "clip.vision.projector.scale_factor": 2 },
    tensors: [
      tensor("v.position_embd.weight", "table", width, 4 * side ** 2),
      tensor("v.post_ln.weight", "norm", width),
      tensor("v.post_ln.bias", "bias", width),
      tensor("mm.input_projection.weight", "matrix", textWidth, width),
      tensor("mm.soft_emb_norm.weight", "norm", width),
    ],
  },
  /** Pixtral: any size, with a row after each line of patches. */
  pixtral: {
    imageSize: 4 * side * patch,
    metadata: { "clip.use_silu": true },
    tensors: [
      tensor("v.pre_ln.weight", "norm", width),
      tensor("mm.1.weight", "matrix", width, textWidth),
      tensor("mm.2.weight", "matrix", textWidth, textWidth),
      tensor("v.token_embd.img_break", "table", textWidth),
    ],
  },
  /** Qwen2-VL: any size of at least eight rows; each row is made of 2 x 2 patches. */
  qwen2vl: {
    type: "qwen2vl_merger",
    imageSize: 4 * side * patch,
    metadata: {},
    tensors: [
      tensor("v.patch_embd.weight.1", "bias", patch, patch, 3, width),
      tensor("v.post_ln.weight", "norm", width),
      tensor("v.post_ln.bias", "bias", width),
      tensor("mm.0.weight", "matrix", 4 * width, 4 * width),
      tensor("mm.0.bias", "bias", 4 * width),
      tensor("mm.2.weight", "matrix", 4 * width, textWidth),
      tensor("mm.2.bias", "bias", textWidth),
    ],
  },
  /** Idefics 3 and SmolVLM: tiles of an image that is twice as long as a tile, and an overview. 4 rows a tile. */
  idefics3: {
    imageSize: side * patch,
    metadata: {
      "clip.use_gelu": true,
      "clip.vision.projector.scale_factor": 2,
      "clip.vision.preproc_image_size": 2 * side * patch,
    },
    tensors: [
      tensor("v.position_embd.weight", "table", width, side ** 2),
      tensor("v.post_ln.weight", "norm", width),
      tensor("v.post_ln.bias", "bias", width),
      tensor("mm.model.fc.weight", "matrix", 4 * width, textWidth),
    ],
  },
});

/** The file of a projector. */
export function towerFile(kind: Tower, size: TowerSize = TINY_TOWER): Uint8Array<ArrayBuffer> {
  const { type = kind, imageSize, metadata, tensors } = partsOf(size)[kind];
  return buildGguf({
    metadata: {
      "general.architecture": "clip",
      "general.type": "mmproj",
      "general.name": "random weights",
      "clip.has_vision_encoder": true,
      "clip.projector_type": type,
      "clip.vision.image_size": imageSize,
      "clip.vision.patch_size": size.patch,
      "clip.vision.embedding_length": size.width,
      "clip.vision.feed_forward_length": size.feedForward,
      "clip.vision.projection_dim": size.textWidth,
      "clip.vision.block_count": size.layers,
      "clip.vision.attention.head_count": size.heads,
      "clip.vision.attention.layer_norm_epsilon": { f32: 1e-5 },
      "clip.vision.image_mean": { f32s: [0.5, 0.5, 0.5] },
      "clip.vision.image_std": { f32s: [0.5, 0.5, 0.5] },
      ...metadata,
    },
    ...randomWeights([...common(size), ...tensors], 21),
  });
}

function* common(
  { width, feedForward, layers, patch }: TowerSize,
): Generator<RandomTensor> {
  yield tensor("v.patch_embd.weight", "bias", patch, patch, 3, width);
  for (let layer = 0; layer < layers; layer++) {
    const block = `v.blk.${layer}.`;
    for (const name of ["attn_q", "attn_k", "attn_v", "attn_out"]) {
      yield tensor(`${block}${name}.weight`, "matrix", width, width);
      yield tensor(`${block}${name}.bias`, "bias", width);
    }
    for (const name of ["ln1", "ln2"]) {
      yield tensor(`${block}${name}.weight`, "norm", width);
      yield tensor(`${block}${name}.bias`, "bias", width);
    }
    yield tensor(`${block}ffn_up.weight`, "matrix", width, feedForward);
    yield tensor(`${block}ffn_up.bias`, "bias", feedForward);
    yield tensor(`${block}ffn_down.weight`, "matrix", feedForward, width);
    yield tensor(`${block}ffn_down.bias`, "bias", width);
  }
}
