import type { AnswerRequest } from "../../../../chat/mod.ts";
import type { Engine } from "../../../../engine/mod.ts";
import { DEFAULT_SAMPLING, type Sampling } from "../../../../engine/protocol/mod.ts";

/** `LLAMA_DEFAULT_SEED` of llama.h: a random seed. */
const RANDOM_SEED = 0xffff_ffff;

/** The request, as far as the settings of its generation are concerned. */
export type SettingsRequest = Pick<
  AnswerRequest,
  "maxTokens" | "sampling" | "stop" | "ignoreEos" | "logprobs" | "sampledLogprobs" | "format"
>;

/** A request without any field. */
export const NO_FIELDS: SettingsRequest = {
  maxTokens: null,
  sampling: {},
  stop: [],
  ignoreEos: false,
  logprobs: null,
  format: { type: "text" },
};

/** The sampling of a request, completed with the defaults of the model and its file. */
function samplingOf({ info, defaultSampling }: Engine, request: SettingsRequest): Sampling {
  return {
    ...DEFAULT_SAMPLING,
    ...info.recommendedSampling,
    ...defaultSampling,
    ...request.sampling,
  };
}

/**
 * `generation_settings` as llama-server reports them: the values that apply, including defaults.
 *
 * @param more fields of the request that do not change the text.
 */
export function generationSettings(
  engine: Engine,
  request: SettingsRequest,
  more: { readonly stream?: boolean; readonly timingsPerToken?: boolean } = {},
) {
  const sampling = samplingOf(engine, request);
  const limit = request.maxTokens ?? engine.defaultMaxTokens ?? -1;
  const { format } = request;
  const biases = [...sampling.logitBias, ...(request.ignoreEos ? bannedEnds(engine) : [])];
  return {
    seed: sampling.seed ?? RANDOM_SEED,
    temperature: sampling.temperature,
    dynatemp_range: sampling.dynatempRange,
    dynatemp_exponent: sampling.dynatempExponent,
    top_k: sampling.topK,
    top_p: sampling.topP,
    min_p: sampling.minP,
    top_n_sigma: sampling.topNSigma,
    xtc_probability: sampling.xtcProbability,
    xtc_threshold: sampling.xtcThreshold,
    typical_p: sampling.typicalP,
    repeat_last_n: sampling.repeatLastN,
    repeat_penalty: sampling.repeatPenalty,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    dry_multiplier: sampling.dryMultiplier,
    dry_base: sampling.dryBase,
    dry_allowed_length: sampling.dryAllowedLength,
    dry_penalty_last_n: sampling.dryPenaltyLastN,
    dry_sequence_breakers: sampling.drySequenceBreakers,
    mirostat: sampling.mirostat,
    mirostat_tau: sampling.mirostatTau,
    mirostat_eta: sampling.mirostatEta,
    adaptive_target: sampling.adaptiveTarget,
    adaptive_decay: sampling.adaptiveDecay,
    min_keep: sampling.minKeep,
    samplers: sampling.samplers,
    n_predict: limit,
    max_tokens: limit,
    n_ctx: engine.info.contextLength,
    stop: request.stop,
    ignore_eos: request.ignoreEos,
    // JSON has no infinity; llama-server writes null too.
    logit_bias: biases.map(({ token, bias }) => ({
      token,
      bias: Number.isFinite(bias) ? bias : null,
    })),
    n_probs: request.logprobs ?? 0,
    post_sampling_probs: request.sampledLogprobs ?? false,
    grammar: format.type === "grammar" ? format.source : "",
    stream: more.stream ?? false,
    timings_per_token: more.timingsPerToken ?? false,
  };
}

/** The tokens that `ignore_eos` bans. */
function bannedEnds({ info }: Engine): { token: number; bias: number }[] {
  return info.endOfGeneration.map((token) => ({ token, bias: -Infinity }));
}
