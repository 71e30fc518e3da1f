import { type Candidates, type Context, type Sampler, SamplerChain } from "../../../ffi/mod.ts";
import type { Sampling } from "../protocol/mod.ts";
import type { SamplerModel } from "./sampler_model.ts";

/** Samplers that narrow the candidates leave at least this many. */
const MIN_KEEP = 1;

/** What a chain is made from. */
export interface SamplingChainOptions {
  readonly sampling: Sampling;
  /** For a sampling that names none. */
  readonly seed: number;
  readonly ignoreEos: boolean;
  /** Whether a token that was drawn may have to be taken back. */
  readonly canRollBack: boolean;
}

/** The native samplers of one phase of a sequence. */
export class SamplingChain implements Disposable {
  readonly #model: SamplerModel;
  readonly options: SamplingChainOptions;
  readonly #native: Sampler;
  /** As it was before the last token, to go back to. */
  readonly #checkpoint: Sampler | null;

  private constructor(model: SamplerModel, options: SamplingChainOptions, native: Sampler) {
    this.#model = model;
    this.options = options;
    this.#native = native;
    this.#checkpoint = options.canRollBack ? native.clone() : null;
  }

  /** @param past the tokens so far, on which penalties look back. */
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

  /** One that goes on from the same state. */
  clone(): SamplingChain {
    return new SamplingChain(this.#model, this.options, this.#native.clone());
  }

  /** Another one for a sampling that was changed. */
  withSampling(changes: Partial<Sampling>, past: readonly number[]): SamplingChain {
    const sampling = { ...this.options.sampling, ...changes };
    return SamplingChain.build(this.#model, { ...this.options, sampling }, past);
  }

  /** Draws a token and takes it. Call {@linkcode keep} or {@linkcode redraw} next. */
  sample(context: Context, index: number): number {
    const start = performance.now();
    const token = this.#native.sample(context, index);
    this.#model.native.ms += performance.now() - start;
    return token;
  }

  /** Takes back what was drawn and draws among these; null where there is none. */
  resample(candidates: Candidates): number | null {
    this.#native.copyFrom(this.#checkpoint!);
    this.#native.apply(candidates);
    const token = candidates.selected;
    if (token !== null) this.#native.accept(token);
    return token;
  }

  /** What was drawn stays. */
  commit(): void {
    this.#checkpoint?.copyFrom(this.#native);
  }

  /** Takes a token that was not drawn here. */
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

/** libllama takes a number of tokens where requests may say -1 for the whole context. */
function lastN(model: SamplerModel, asked: number): number {
  return asked < 0 ? model.sequenceLength : asked;
}

function penalizes({ repeatPenalty, frequencyPenalty, presencePenalty }: Sampling): boolean {
  return repeatPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0;
}

/** Tokens of the past that a sampler of the chain may look at. */
function lookBack(model: SamplerModel, sampling: Sampling): number {
  return Math.max(
    penalizes(sampling) ? lastN(model, sampling.repeatLastN) : 0,
    sampling.dryMultiplier !== 0 ? lastN(model, sampling.dryPenaltyLastN) : 0,
  );
}

/** The native chain for a sampling; the order of its samplers is llama.cpp's default. */
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
