import { type ContextParams, LLAMA_ROPE_SCALING_TYPE, LLAMA_ROPE_TYPE } from "../../../ffi/mod.ts";

/** Model properties that determine whether its positions can be scaled. */
export interface RopeFacts {
  /** Trained context length in tokens. */
  readonly trainedContext: number;
  /** `LLAMA_ROPE_TYPE` */
  readonly ropeType: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * RoPE scaling factor for a context longer than the trained length. Null if the context is not
 * longer, the model has no rotary positions, or the file already defines scaling.
 */
export function ropeStretch(length: number, facts: RopeFacts): number | null {
  const { trainedContext, ropeType, metadata } = facts;
  if (trainedContext <= 0 || length <= trainedContext) return null;
  if (ropeType === LLAMA_ROPE_TYPE.NONE) return null;
  const scaling = metadata[`${metadata["general.architecture"]}.rope.scaling.type`];
  return scaling === undefined || scaling === "none" ? length / trainedContext : null;
}

/** Cells by which libllama rounds the length of a sequence up. */
const CELL_STEP = 256;

/**
 * Which RoPE factors of a model with long RoPE a context uses: libllama chooses them by the length of its
 * sequences, and a KV cache that was computed with the one does not fit the other. Null if the file has no
 * original length, or scales in another way.
 *
 * Source: `llama_model::get_rope_factors`.
 *
 * @param length tokens that a sequence of the context may have
 */
export function ropeFactors(
  length: number,
  { metadata }: Pick<RopeFacts, "metadata">,
): "short" | "long" | null {
  const scaling = `${metadata["general.architecture"]}.rope.scaling`;
  const original = Number(metadata[`${scaling}.original_context_length`]);
  if (!(original > 0) || (metadata[`${scaling}.type`] ?? "longrope") !== "longrope") return null;
  return Math.ceil(length / CELL_STEP) * CELL_STEP > original ? "long" : "short";
}

/** Scales positions by YaRN (https://arxiv.org/abs/2309.00071). */
export function stretchRope(parameters: ContextParams, factor: number, trained: number): void {
  parameters.rope_scaling_type = LLAMA_ROPE_SCALING_TYPE.YARN;
  parameters.rope_freq_scale = 1 / factor;
  parameters.yarn_orig_ctx = trained;
}
