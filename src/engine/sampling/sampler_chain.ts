import { type Candidates, type Context, type Sampler, SamplerChain } from "../../../ffi/mod.ts";
import { isMediaToken, type SamplerName, type Sampling } from "../protocol/mod.ts";
import type { SamplerModel } from "./sampler_model.ts";

/** Options of a chain. */
export interface SamplingChainOptions {
  readonly sampling: Sampling;
  /** Seed if the sampling has none. */
  readonly seed: number;
  readonly ignoreEos: boolean;
  /** Whether a sampled token may have to be rolled back. */
  readonly canRollBack: boolean;
}

/** The native sampler chain of one phase of a sequence. */
export class SamplingChain implements Disposable {
  readonly #model: SamplerModel;
  readonly options: SamplingChainOptions;
  readonly #native: Sampler;
  /** Copy of the state before the last token, for roll-back. */
  readonly #checkpoint: Sampler | null;

  private constructor(model: SamplerModel, options: SamplingChainOptions, native: Sampler) {
    this.#model = model;
    this.options = options;
    this.#native = native;
    this.#checkpoint = options.canRollBack ? native.clone() : null;
  }

  /** @param past tokens so far, for penalties. */
  static build(
    model: SamplerModel,
    options: SamplingChainOptions,
    past: readonly number[],
  ): SamplingChain {
    const chain = new SamplingChain(model, options, buildNative(model, options));
    const start = Math.max(0, past.length - lookBack(model, options.sampling));
    for (let at = start; at < past.length; at++) {
      if (!isMediaToken(past[at]!)) chain.accept(past[at]!);
    }
    return chain;
  }

  /** Returns a copy with the same state. */
  clone(): SamplingChain {
    return new SamplingChain(this.#model, this.options, this.#native.clone());
  }

  /** Returns a new chain with changed sampling. */
  withSampling(changes: Partial<Sampling>, past: readonly number[]): SamplingChain {
    const sampling = { ...this.options.sampling, ...changes };
    return SamplingChain.build(this.#model, { ...this.options, sampling }, past);
  }

  /**
   * Samples and accepts a token. Call {@linkcode commit} or {@linkcode rollBack} next, if the chain
   * can roll back.
   */
  sample(context: Context, index: number): number {
    const start = performance.now();
    const token = this.#native.sample(context, index);
    this.#model.native.ms += performance.now() - start;
    return token;
  }

  /** Rolls back the sampled token. */
  rollBack(): void {
    this.#native.copyFrom(this.#checkpoint!);
  }

  /** Samples from these candidates and accepts the token; null if none can be chosen. */
  select(candidates: Candidates): number | null {
    this.#native.apply(candidates);
    const token = candidates.selected;
    if (token !== null) this.#native.accept(token);
    return token;
  }

  /** Makes the sampled token final. */
  commit(): void {
    this.#checkpoint?.copyFrom(this.#native);
  }

  /** Accepts a token that another chain sampled or that was forced. */
  accept(token: number): void {
    this.#native.accept(token);
    this.#checkpoint?.accept(token);
  }

  close(): void {
    this.#native.close();
    this.#checkpoint?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Maximum number of tokens that penalties look back at: the header of a file may name any context. */
const MOST_PENALIZED = 2 ** 20;

/**
 * Replaces -1, the whole context, by the number of tokens. More than the context is not more: libllama
 * allocates memory for the number that it gets, and ends the process if there is too little.
 */
function lastN({ sequenceLength }: SamplerModel, asked: number): number {
  const whole = Math.min(sequenceLength, MOST_PENALIZED);
  return asked < 0 ? whole : Math.min(asked, whole);
}

function penalizes({ repeatPenalty, frequencyPenalty, presencePenalty }: Sampling): boolean {
  return repeatPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0;
}

/** Number of past tokens that a sampler of the chain looks at. */
function lookBack(model: SamplerModel, sampling: Sampling): number {
  return Math.max(
    penalizes(sampling) ? lastN(model, sampling.repeatLastN) : 0,
    sampling.dryMultiplier !== 0 ? lastN(model, sampling.dryPenaltyLastN) : 0,
  );
}

/** Builds the native chain. */
function buildNative(model: SamplerModel, options: SamplingChainOptions): SamplerChain {
  const { library, vocab } = model;
  const { sampling, ignoreEos } = options;
  const { samplers, temperature, mirostat } = sampling;
  const seed = sampling.seed ?? options.seed;
  const chain = new SamplerChain(library);
  const biases = [
    // libllama searches the whole vocabulary for each id that it does not have, for every token.
    ...sampling.logitBias.filter(({ token }) => token < vocab.size),
    ...[...vocab.suppressed, ...(ignoreEos ? model.endOfGeneration : [])]
      .map((token) => ({ token, bias: -Infinity })),
  ];
  if (biases.length > 0) chain.logitBias(vocab.size, biases);
  const isGreedy = temperature === 0 && samplers.includes("temperature");
  if (isGreedy || mirostat !== 0) {
    for (const name of samplers.filter(isPenalty)) ADD[name](chain, model, sampling, seed);
    if (isGreedy) return chain.greedy();
    chain.temperature(temperature, 0, 1);
    return mirostat === 1
      ? chain.mirostat(vocab.size, seed, sampling.mirostatTau, sampling.mirostatEta)
      : chain.mirostatV2(seed, sampling.mirostatTau, sampling.mirostatEta);
  }
  for (const name of samplers) ADD[name](chain, model, sampling, seed);
  return samplers.includes("adaptive_p")
    ? chain.adaptiveP(sampling.adaptiveTarget, sampling.adaptiveDecay, seed)
    : chain.distribution(seed);
}

/** Whether a sampler changes logits by earlier tokens, so that it changes the most likely token too. */
function isPenalty(name: SamplerName): boolean {
  return name === "penalties" || name === "dry";
}

type Add = (chain: SamplerChain, model: SamplerModel, sampling: Sampling, seed: number) => void;

/** Adds each sampler to a chain, unless its parameters turn it off. */
const ADD: Readonly<Record<SamplerName, Add>> = {
  penalties(chain, model, sampling) {
    if (!penalizes(sampling)) return;
    chain.penalties(
      model.vocab.size,
      lastN(model, sampling.repeatLastN),
      sampling.repeatPenalty,
      sampling.frequencyPenalty,
      sampling.presencePenalty,
    );
  },
  dry(chain, model, sampling) {
    if (sampling.dryMultiplier === 0) return;
    chain.dry(model.vocab, {
      multiplier: sampling.dryMultiplier,
      base: sampling.dryBase,
      allowedLength: sampling.dryAllowedLength,
      penaltyLastN: lastN(model, sampling.dryPenaltyLastN),
      sequenceBreakers: sampling.drySequenceBreakers,
    });
  },
  top_n_sigma(chain, _model, { topNSigma }) {
    if (topNSigma >= 0) chain.topNSigma(topNSigma);
  },
  top_k(chain, _model, { topK }) {
    if (topK > 0) chain.topK(topK);
  },
  typ_p(chain, _model, { typicalP, minKeep }) {
    if (typicalP < 1) chain.typical(typicalP, minKeep);
  },
  top_p(chain, _model, { topP, minKeep }) {
    if (topP < 1) chain.topP(topP, minKeep);
  },
  min_p(chain, _model, { minP, minKeep }) {
    if (minP > 0) chain.minP(minP, minKeep);
  },
  xtc(chain, _model, { xtcProbability, xtcThreshold, minKeep }, seed) {
    if (xtcProbability > 0) chain.xtc(xtcProbability, xtcThreshold, minKeep, seed);
  },
  temperature(chain, _model, { temperature, dynatempRange, dynatempExponent }) {
    chain.temperature(temperature, dynatempRange, dynatempExponent);
  },
  infill(chain, model) {
    chain.infill(model.vocab);
  },
  // It selects the token, so it comes at the end of the chain.
  adaptive_p() {},
};
