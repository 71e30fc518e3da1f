import { type Candidates, type Context, type Sampler, SamplerChain } from "../../../ffi/mod.ts";
import type { Sampling } from "../protocol/mod.ts";
import type { SamplerModel } from "./sampler_model.ts";

/** Minimum candidates that truncating samplers keep. */
const MIN_KEEP = 1;

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
    for (let at = start; at < past.length; at++) chain.accept(past[at]!);
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
   * Samples and accepts a token. Call {@linkcode commit} or {@linkcode resample} next, if the chain
   * can roll back.
   */
  sample(context: Context, index: number): number {
    const start = performance.now();
    const token = this.#native.sample(context, index);
    this.#model.native.ms += performance.now() - start;
    return token;
  }

  /** Rolls back the sampled token and samples from these candidates; null if none can be chosen. */
  resample(candidates: Candidates): number | null {
    this.#native.copyFrom(this.#checkpoint!);
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

/** Replaces -1, the whole context, by the number of tokens. */
function lastN(model: SamplerModel, asked: number): number {
  return asked < 0 ? model.sequenceLength : asked;
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

/** Builds the native chain. The order of samplers is the default of llama.cpp. */
function buildNative(
  model: SamplerModel,
  { sampling, seed: fallback, ignoreEos }: SamplingChainOptions,
): SamplerChain {
  const { library, vocab } = model;
  const seed = sampling.seed ?? fallback;
  const chain = new SamplerChain(library);
  const biases = [
    ...sampling.logitBias,
    ...[...vocab.suppressed, ...(ignoreEos ? model.endOfGeneration : [])]
      .map((token) => ({ token, bias: -Infinity })),
  ];
  if (biases.length > 0) chain.logitBias(vocab.size, biases);
  if (penalizes(sampling)) {
    chain.penalties(
      vocab.size,
      lastN(model, sampling.repeatLastN),
      sampling.repeatPenalty,
      sampling.frequencyPenalty,
      sampling.presencePenalty,
    );
  }
  if (sampling.dryMultiplier !== 0) {
    chain.dry(vocab, {
      multiplier: sampling.dryMultiplier,
      base: sampling.dryBase,
      allowedLength: sampling.dryAllowedLength,
      penaltyLastN: lastN(model, sampling.dryPenaltyLastN),
      sequenceBreakers: sampling.drySequenceBreakers,
    });
  }
  if (sampling.temperature === 0) return chain.greedy();
  if (sampling.mirostat !== 0) {
    chain.temperature(sampling.temperature, 0, 1);
    return sampling.mirostat === 1
      ? chain.mirostat(vocab.size, seed, sampling.mirostatTau, sampling.mirostatEta)
      : chain.mirostatV2(seed, sampling.mirostatTau, sampling.mirostatEta);
  }
  if (sampling.topNSigma >= 0) chain.topNSigma(sampling.topNSigma);
  if (sampling.topK > 0) chain.topK(sampling.topK);
  if (sampling.typicalP < 1) chain.typical(sampling.typicalP, MIN_KEEP);
  if (sampling.topP < 1) chain.topP(sampling.topP, MIN_KEEP);
  if (sampling.minP > 0) chain.minP(sampling.minP, MIN_KEEP);
  if (sampling.xtcProbability > 0) {
    chain.xtc(sampling.xtcProbability, sampling.xtcThreshold, MIN_KEEP, seed);
  }
  return chain
    .temperature(sampling.temperature, sampling.dynatempRange, sampling.dynatempExponent)
    .distribution(seed);
}
