import { type ContextParams, LLAMA_ROPE_SCALING_TYPE, LLAMA_ROPE_TYPE } from "../../../ffi/mod.ts";

/** What of a model decides whether its positions can be stretched. */
export interface RopeFacts {
  /** Tokens it was trained on in one context. */
  readonly trainedContext: number;
  /** `LLAMA_ROPE_TYPE` */
  readonly ropeType: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * By how much positions must be stretched for a context that is longer than what a model was trained
 * on; null where it is not longer, where the model knows no rotary positions, and where its file says
 * how they are scaled already.
 */
export function ropeStretch(length: number, facts: RopeFacts): number | null {
  const { trainedContext, ropeType, metadata } = facts;
  if (trainedContext <= 0 || length <= trainedContext) return null;
  if (ropeType === LLAMA_ROPE_TYPE.NONE) return null;
  const scaling = metadata[`${metadata["general.architecture"]}.rope.scaling.type`];
  return scaling === undefined || scaling === "none" ? length / trainedContext : null;
}

/** Stretches positions by YaRN (https://arxiv.org/abs/2309.00071). */
export function stretchRope(parameters: ContextParams, factor: number, trained: number): void {
  parameters.rope_scaling_type = LLAMA_ROPE_SCALING_TYPE.YARN;
  parameters.rope_freq_scale = 1 / factor;
  parameters.yarn_orig_ctx = trained;
}
