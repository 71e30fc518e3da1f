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
  seed: null,
  logitBias: [],
};
