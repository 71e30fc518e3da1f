/**
 * Projectors for audio with random weights, for text models with embeddings of 64 values. Names of keys and
 * tensors are those of clip-impl.h in llama.cpp's tools/mtmd.
 */
import { buildGguf, type GgufEntry } from "./build_gguf.ts";
import { type RandomTensor, randomWeights, tensor } from "./random_weights.ts";

/** Values of an embedding of the text model. */
const TEXT_WIDTH = 64;

const WIDTH = 32;
const HEADS = 2;
const FEED_FORWARD = 48;
const LAYERS = 2;
const MEL_BINS = 16;
/** Positions of 30 seconds, which libmtmd fills up with silence. */
const POSITIONS = 1500;

/** Kinds of audio projectors, all with Whisper's encoder. */
export const AUDIO_TOWERS = ["ultravox", "qwen2a"] as const;
export type AudioTower = (typeof AUDIO_TOWERS)[number];

interface TowerParts {
  /** Rows of 30 seconds. */
  readonly rows: number;
  readonly metadata: Readonly<Record<string, GgufEntry>>;
  readonly tensors: readonly RandomTensor[];
}

/** Positions that Ultravox puts together into a row. */
const STACKED = 20;
const HIDDEN = 24;

const PARTS: Readonly<Record<AudioTower, TowerParts>> = {
  /** Ultravox: stacked positions and a gated layer. */
  ultravox: {
    rows: POSITIONS / STACKED,
    metadata: { "clip.audio.projector.stack_factor": STACKED },
    tensors: [
      tensor("mm.a.norm_pre.weight", "norm", WIDTH * STACKED),
      tensor("mm.a.mlp.1.weight", "matrix", WIDTH * STACKED, 2 * HIDDEN),
      tensor("mm.a.norm_mid.weight", "norm", HIDDEN),
      tensor("mm.a.mlp.2.weight", "matrix", HIDDEN, TEXT_WIDTH),
    ],
  },
  /** Qwen2-Audio: pairs of positions, one layer, and texts around the rows. */
  qwen2a: {
    rows: POSITIONS / 2,
    metadata: {},
    tensors: [
      tensor("mm.a.fc.weight", "table", WIDTH, TEXT_WIDTH),
      tensor("mm.a.fc.bias", "bias", TEXT_WIDTH),
    ],
  },
};

/** Rows of each 30 seconds, begun ones too. */
export function audioRows(kind: AudioTower): number {
  return PARTS[kind].rows;
}

/** The file of a projector. */
export function audioTowerFile(kind: AudioTower): Uint8Array<ArrayBuffer> {
  const { metadata, tensors } = PARTS[kind];
  return buildGguf({
    metadata: {
      "general.architecture": "clip",
      "general.type": "mmproj",
      "general.name": "random weights",
      "clip.has_audio_encoder": true,
      "clip.projector_type": kind,
      "clip.audio.num_mel_bins": MEL_BINS,
      "clip.audio.embedding_length": WIDTH,
      "clip.audio.feed_forward_length": FEED_FORWARD,
      "clip.audio.projection_dim": TEXT_WIDTH,
      "clip.audio.block_count": LAYERS,
      "clip.audio.attention.head_count": HEADS,
      "clip.audio.attention.layer_norm_epsilon": { f32: 1e-5 },
      ...metadata,
    },
    ...randomWeights([...encoder(), ...tensors], 22),
  });
}

/** Whisper's encoder: two convolutions, and layers whose keys have no bias. */
function* encoder(): Generator<RandomTensor> {
  yield tensor("a.conv1d.1.weight", "bias", 3, MEL_BINS, WIDTH);
  yield tensor("a.conv1d.1.bias", "bias", 1, WIDTH);
  yield tensor("a.conv1d.2.weight", "bias", 3, WIDTH, WIDTH);
  yield tensor("a.conv1d.2.bias", "bias", 1, WIDTH);
  yield tensor("a.position_embd.weight", "bias", WIDTH, POSITIONS);
  yield tensor("a.post_ln.weight", "norm", WIDTH);
  yield tensor("a.post_ln.bias", "bias", WIDTH);
  for (let layer = 0; layer < LAYERS; layer++) {
    const block = `a.blk.${layer}.`;
    for (const name of ["attn_q", "attn_k", "attn_v", "attn_out"]) {
      yield tensor(`${block}${name}.weight`, "matrix", WIDTH, WIDTH);
      if (name !== "attn_k") yield tensor(`${block}${name}.bias`, "bias", WIDTH);
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
