/** Names of all samplers. */
export const SAMPLERS = [
  "penalties",
  "dry",
  "top_n_sigma",
  "top_k",
  "typ_p",
  "top_p",
  "min_p",
  "xtc",
  "temperature",
  "infill",
  "adaptive_p",
] as const;
export type SamplerName = (typeof SAMPLERS)[number];

/** The samplers that apply by default, in the order of llama.cpp. */
const DEFAULT_SAMPLERS: readonly SamplerName[] = SAMPLERS.slice(0, -2);

/** Sampling parameters. Defaults: {@linkcode DEFAULT_SAMPLING}. */
export interface Sampling {
  /** 0: greedy. */
  readonly temperature: number;
  readonly dynatempRange: number;
  readonly dynatempExponent: number;
  /** 0: off. */
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly typicalP: number;
  /** Negative: off. */
  readonly topNSigma: number;
  readonly xtcProbability: number;
  readonly xtcThreshold: number;
  readonly repeatPenalty: number;
  /** Window of the penalties in tokens. -1: the whole context. */
  readonly repeatLastN: number;
  readonly frequencyPenalty: number;
  readonly presencePenalty: number;
  readonly dryMultiplier: number;
  readonly dryBase: number;
  readonly dryAllowedLength: number;
  readonly dryPenaltyLastN: number;
  readonly drySequenceBreakers: readonly string[];
  readonly mirostat: 0 | 1 | 2;
  readonly mirostatTau: number;
  readonly mirostatEta: number;
  /** Minimum candidates that truncating samplers keep. */
  readonly minKeep: number;
  /** Target probability of `adaptive_p`, and the decay of its average. */
  readonly adaptiveTarget: number;
  readonly adaptiveDecay: number;
  /** Samplers to apply, in order. A sampler that is not listed is not applied. */
  readonly samplers: readonly SamplerName[];
  /** `null`: a random seed. */
  readonly seed: number | null;
  /** Added to the logit of a token. `-Infinity` bans the token. */
  readonly logitBias: readonly { readonly token: number; readonly bias: number }[];
}

/** Sampling where neither the request nor the model file sets a value. Values of llama.cpp. */
export const DEFAULT_SAMPLING: Sampling = {
  temperature: 0.8,
  dynatempRange: 0,
  dynatempExponent: 1,
  topK: 40,
  topP: 0.95,
  minP: 0.05,
  typicalP: 1,
  topNSigma: -1,
  xtcProbability: 0,
  xtcThreshold: 0.1,
  repeatPenalty: 1,
  repeatLastN: 64,
  frequencyPenalty: 0,
  presencePenalty: 0,
  dryMultiplier: 0,
  dryBase: 1.75,
  dryAllowedLength: 2,
  dryPenaltyLastN: -1,
  drySequenceBreakers: ["\n", ":", '"', "*"],
  mirostat: 0,
  mirostatTau: 5,
  mirostatEta: 0.1,
  minKeep: 1,
  adaptiveTarget: -1,
  adaptiveDecay: 0.9,
  samplers: DEFAULT_SAMPLERS,
  seed: null,
  logitBias: [],
};
