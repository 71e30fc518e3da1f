/**
 * Projectors with random weights, for text models with embeddings of 64 values. Names of keys and tensors are
 * those of clip-impl.h in llama.cpp's tools/mtmd.
 */
import { buildGguf, type GgufEntry } from "./build_gguf.ts";
import { type RandomTensor, randomWeights, tensor } from "./random_weights.ts";

/** Values of an embedding of the text model. */
const TEXT_WIDTH = 64;

const WIDTH = 32;
const HEADS = 2;
const FEED_FORWARD = 48;
const LAYERS = 3;
const PATCH = 7;

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

/** Patches of a square picture. */
const patches = (imageSize: number) => (imageSize / PATCH) ** 2;

const PARTS: Readonly<Record<Tower, TowerParts>> = {
  /** LLaVA 1.5: CLIP and two layers. 16 rows an image. */
  mlp: {
    imageSize: 4 * PATCH,
    metadata: {},
    tensors: [
      tensor("v.class_embd", "bias", WIDTH),
      tensor("v.position_embd.weight", "table", WIDTH, patches(4 * PATCH) + 1),
      tensor("v.pre_ln.weight", "norm", WIDTH),
      tensor("v.pre_ln.bias", "bias", WIDTH),
      tensor("mm.0.weight", "matrix", WIDTH, TEXT_WIDTH),
      tensor("mm.0.bias", "bias", TEXT_WIDTH),
      tensor("mm.2.weight", "matrix", TEXT_WIDTH, TEXT_WIDTH),
      tensor("mm.2.bias", "bias", TEXT_WIDTH),
    ],
  },
  /** Gemma 3: SigLIP and pooling of 2 x 2 patches. 16 rows an image, which see each other. */
  gemma3: {
    imageSize: 8 * PATCH,
    metadata: { "clip.use_gelu": true, "clip.vision.projector.scale_factor": 2 },
    tensors: [
      tensor("v.position_embd.weight", "table", WIDTH, patches(8 * PATCH)),
      tensor("v.post_ln.weight", "norm", WIDTH),
      tensor("v.post_ln.bias", "bias", WIDTH),
      tensor("mm.input_projection.weight", "matrix", TEXT_WIDTH, WIDTH),
      tensor("mm.soft_emb_norm.weight", "norm", WIDTH),
    ],
  },
  /** Pixtral: any size, with a row after each line of patches. */
  pixtral: {
    imageSize: 16 * PATCH,
    metadata: { "clip.use_silu": true },
    tensors: [
      tensor("v.pre_ln.weight", "norm", WIDTH),
      tensor("mm.1.weight", "matrix", WIDTH, TEXT_WIDTH),
      tensor("mm.2.weight", "matrix", TEXT_WIDTH, TEXT_WIDTH),
      tensor("v.token_embd.img_break", "table", TEXT_WIDTH),
    ],
  },
  /** Qwen2-VL: any size of at least eight rows; each row is made of 2 x 2 patches. */
  qwen2vl: {
    type: "qwen2vl_merger",
    imageSize: 16 * PATCH,
    metadata: {},
    tensors: [
      tensor("v.patch_embd.weight.1", "bias", PATCH, PATCH, 3, WIDTH),
      tensor("v.post_ln.weight", "norm", WIDTH),
      tensor("v.post_ln.bias", "bias", WIDTH),
      tensor("mm.0.weight", "matrix", 4 * WIDTH, 4 * WIDTH),
      tensor("mm.0.bias", "bias", 4 * WIDTH),
      tensor("mm.2.weight", "matrix", 4 * WIDTH, TEXT_WIDTH),
      tensor("mm.2.bias", "bias", TEXT_WIDTH),
    ],
  },
  /** Idefics 3 and SmolVLM: tiles of an image that is twice as long as a tile, and an overview. 4 rows a tile. */
  idefics3: {
    imageSize: 4 * PATCH,
    metadata: {
      "clip.use_gelu": true,
      "clip.vision.projector.scale_factor": 2,
      "clip.vision.preproc_image_size": 8 * PATCH,
    },
    tensors: [
      tensor("v.position_embd.weight", "table", WIDTH, patches(4 * PATCH)),
      tensor("v.post_ln.weight", "norm", WIDTH),
      tensor("v.post_ln.bias", "bias", WIDTH),
      tensor("mm.model.fc.weight", "matrix", 4 * WIDTH, TEXT_WIDTH),
    ],
  },
};

/** The file of a projector. */
export function towerFile(kind: Tower): Uint8Array<ArrayBuffer> {
  const { type = kind, imageSize, metadata, tensors } = PARTS[kind];
  return buildGguf({
    metadata: {
      "general.architecture": "clip",
      "general.type": "mmproj",
      "general.name": "random weights",
      "clip.has_vision_encoder": true,
      "clip.projector_type": type,
      "clip.vision.image_size": imageSize,
      "clip.vision.patch_size": PATCH,
      "clip.vision.embedding_length": WIDTH,
      "clip.vision.feed_forward_length": FEED_FORWARD,
      "clip.vision.projection_dim": TEXT_WIDTH,
      "clip.vision.block_count": LAYERS,
      "clip.vision.attention.head_count": HEADS,
      "clip.vision.attention.layer_norm_epsilon": { f32: 1e-5 },
      "clip.vision.image_mean": { f32s: [0.5, 0.5, 0.5] },
      "clip.vision.image_std": { f32s: [0.5, 0.5, 0.5] },
      ...metadata,
    },
    ...randomWeights([...common(), ...tensors], 21),
  });
}

function* common(): Generator<RandomTensor> {
  yield tensor("v.patch_embd.weight", "bias", PATCH, PATCH, 3, WIDTH);
  for (let layer = 0; layer < LAYERS; layer++) {
    const block = `v.blk.${layer}.`;
    for (const name of ["attn_q", "attn_k", "attn_v", "attn_out"]) {
      yield tensor(`${block}${name}.weight`, "matrix", WIDTH, WIDTH);
      yield tensor(`${block}${name}.bias`, "bias", WIDTH);
    }
    for (const name of ["ln1", "ln2"]) {
      yield tensor(`${block}${name}.weight`, "norm", WIDTH);
      yield tensor(`${block}${name}.bias`, "bias", WIDTH);
    }
    yield tensor(`${block}ffn_up.weight`, "matrix", WIDTH, FEED_FORWARD);
    yield tensor(`${block}ffn_up.bias`, "bias", FEED_FORWARD);
    yield tensor(`${block}ffn_down.weight`, "matrix", FEED_FORWARD, WIDTH);
    yield tensor(`${block}ffn_down.bias`, "bias", WIDTH);
  }
}
