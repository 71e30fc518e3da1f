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

/** Scales positions by YaRN (https://arxiv.org/abs/2309.00071). */
export function stretchRope(parameters: ContextParams, factor: number, trained: number): void {
  parameters.rope_scaling_type = LLAMA_ROPE_SCALING_TYPE.YARN;
  parameters.rope_freq_scale = 1 / factor;
  parameters.yarn_orig_ctx = trained;
}
