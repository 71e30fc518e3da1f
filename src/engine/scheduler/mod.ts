/** Continuous batching: scheduler, batch policy, prefill budget, the loop, sequences. */
export type { GenerationContext, LargerContext } from "./generation.ts";
export { Loop } from "./loop.ts";
