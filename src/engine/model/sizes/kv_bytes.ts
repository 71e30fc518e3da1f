import { ownMember } from "../../../own_member.ts";
import type { Model } from "../../../../ffi/mod.ts";
import type { KvType, SwaFull } from "../../protocol/mod.ts";

/** Bytes per value in the KV cache. Quantized types have one scale per 32 values. */
export const BYTES_PER_VALUE: Readonly<Record<KvType, number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  q8_0: 34 / 32,
  q5_1: 24 / 32,
  q5_0: 22 / 32,
  q4_1: 20 / 32,
  q4_0: 18 / 32,
  iq4_nl: 18 / 32,
};

/** Model properties that determine the KV cache size per token. */
export type AttentionShape = Pick<Model, "layers" | "heads" | "kvHeads" | "embeddingLength">;

/**
 * KV cache bytes per token: keys and values of every layer. The head length is taken from the
 * metadata, else it is the embedding length divided by the number of heads. Upper bound for models
 * that cache less.
 */
export function kvBytesPerToken(
  shape: AttentionShape,
  metadata: Readonly<Record<string, string>>,
  type: KvType,
): number {
  const shared = shape.heads > 0 ? shape.embeddingLength / shape.heads : 0;
  const attention = `${metadata["general.architecture"]}.attention`;
  const keys = Number(metadata[`${attention}.key_length`] ?? shared);
  const values = Number(metadata[`${attention}.value_length`] ?? shared);
  return shape.layers * shape.kvHeads * (keys + values) * BYTES_PER_VALUE[type];
}

/** A model's layers with a sliding window, and how their cells are kept. */
export interface SlidingLayers {
  /** Tokens of the window. */
  readonly window: number;
  /** KV cache bytes per token of all other layers. */
  readonly fullBytesPerToken: number;
  /** Tokens of a physical batch (`n_ubatch`): libllama keeps the window and as many cells more. */
  readonly batch: number;
  readonly mode: SwaFull;
}

/**
 * Architectures whose layers have a sliding window but for one of so many. Source: the calls of
 * `load_swa_pattern` in llama.cpp's `src/models/`.
 */
const PATTERNS: Readonly<Record<string, number>> = {
  "cohere2": 4,
  "exaone4": 4,
  "gemma2": 2,
  "gemma3": 6,
  "gemma3n": 5,
  "gpt-oss": 2,
  "olmo2": 4,
};

/**
 * The layers of a model with a sliding window; null without any. If the number of such layers is not
 * known, all layers count as full, which allows shorter contexts only.
 */
export function slidingLayers(
  { slidingWindow }: Pick<Model, "slidingWindow">,
  metadata: Readonly<Record<string, string>>,
  bytesPerToken: number,
  batch: number,
  mode: SwaFull = "auto",
): SlidingLayers | null {
  if (slidingWindow === 0) return null;
  const architecture = metadata["general.architecture"] ?? "";
  const stored = Number(metadata[`${architecture}.attention.sliding_window_pattern`]);
  const pattern = stored > 0 ? stored : ownMember(PATTERNS, architecture) ?? 1;
  return { window: slidingWindow, fullBytesPerToken: bytesPerToken / pattern, batch, mode };
}

/**
 * Tells that `--swa-full off` has no effect.
 * @param hasWindow whether layers of the model have a sliding window
 */
export function windowNotes(hasWindow: boolean, mode: SwaFull = "auto"): string[] {
  return mode === "off" && !hasWindow
    ? ["--swa-full off has no effect: no layer of the model has a sliding window"]
    : [];
}
