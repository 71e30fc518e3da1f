/** Token sampling: sampler chains, grammar constraints, reasoning phases, log probabilities. */
export { sampledLogprobs, tokenLogprobs } from "./logprobs.ts";
export { recommendedSampling } from "./recommended_sampling.ts";
export { TokenSampler } from "./sampler.ts";
export type { ReasoningStage } from "./phase_tracker.ts";
export type { SamplerModel } from "./sampler_model.ts";
