/** Continuous batching: scheduler, batch policy, prefill budget, the loop, sequences. */
export type { GenerationContext } from "./generation.ts";
export { Loop } from "./loop.ts";
