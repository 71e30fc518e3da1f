import {
  type Candidates,
  type Context,
  type Library,
  type Sampler,
  SamplerChain,
  type Vocab,
} from "../../ffi/mod.ts";
import { ShimmyError } from "../errors.ts";
import { Constraint } from "./constraint.ts";
import { ReasoningBudget, type Wording } from "./reasoning_budget.ts";
import { DEFAULT_SAMPLING, type Sampling, type SequenceRequest } from "./protocol.ts";

/** Samplers that narrow the candidates leave at least this many. */
const MIN_KEEP = 1;

/** What sampling needs of the loaded model; shared by all its sequences. */
export interface SamplerModel {
  readonly library: Library;
  readonly vocab: Vocab;
  /** Sampling the model's file recommends. */
  readonly recommended: Partial<Sampling>;
  /** Tokens one sequence may hold: how far a window of -1 looks back. */
  readonly sequenceLength: number;
  /** Tokens that end an answer. */
  readonly endOfGeneration: readonly number[];
  /** Text of tokens, and tokens of texts. */
  readonly wording: Wording;
  /** Milliseconds spent in native samplers so far. */
  readonly native: { ms: number };
  /** Scratch space, used within a single call. */
  readonly candidates: Candidates;
}

/** A seed that nobody chose. */
function freshSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}

/** libllama takes a number of tokens where requests may say -1 for the whole context. */
function lastN(model: SamplerModel, asked: number): number {
  return asked < 0 ? model.sequenceLength : asked;
}

/** The native chain for a sampling; the order of its samplers is llama.cpp's default. */
function buildChain(
  model: SamplerModel,
  sampling: Sampling,
  seed: number,
  ignoreEos: boolean,
): SamplerChain {
  const { library, vocab } = model;
  const chain = new SamplerChain(library);
  const biases = [
    ...sampling.logitBias,
    ...[...vocab.suppressed, ...(ignoreEos ? model.endOfGeneration : [])]
      .map((token) => ({ token, bias: -Infinity })),
  ];
  if (biases.length > 0) chain.logitBias(vocab.size, biases);
  const { repeatPenalty, frequencyPenalty, presencePenalty } = sampling;
  if (repeatPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0) {
    chain.penalties(
      vocab.size,
      lastN(model, sampling.repeatLastN),
      repeatPenalty,
      frequencyPenalty,
      presencePenalty,
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

/** Chooses the tokens of one sequence. */
export class TokenSampler implements Disposable {
  readonly #model: SamplerModel;
  readonly #constraint: Constraint | null;
  readonly #reasoning: ReasoningBudget | null;
  #sampling: Sampling;
  readonly #seed: number;
  readonly #ignoreEos: boolean;
  #chain: SamplerChain;
  /** The chain as it was before the last token, to go back to when the grammar refuses it. */
  #before: Sampler | null;
  /** Tokens the chain has seen, so that a new chain can be told. */
  readonly #accepted: number[] = [];

  /** @throws {ShimmyError} `invalid` if the grammar cannot be parsed. */
  constructor(model: SamplerModel, request: SequenceRequest, prompt: readonly number[]) {
    this.#model = model;
    this.#sampling = { ...DEFAULT_SAMPLING, ...model.recommended, ...request.sampling };
    this.#seed = this.#sampling.seed ?? freshSeed();
    this.#reasoning = request.reasoning === undefined
      ? null
      : new ReasoningBudget(request.reasoning, model.wording);
    this.#ignoreEos = request.ignoreEos ?? false;
    this.#constraint = request.grammar === undefined
      ? null
      : new Constraint(model, request.grammar.source, request.grammar.triggers ?? []);
    this.#chain = buildChain(model, this.#sampling, this.#seed, this.#ignoreEos);
    this.#before = this.#constraint === null ? null : this.#chain.clone();
    // Penalties look back on the prompt too.
    for (const token of prompt.slice(Math.max(0, prompt.length - this.#lookBack()))) {
      this.#accept(token);
    }
  }

  /** Tokens of the past that a sampler of the chain may look at. */
  #lookBack(): number {
    const { repeatLastN, dryMultiplier, dryPenaltyLastN, repeatPenalty } = this.#sampling;
    const { frequencyPenalty, presencePenalty } = this.#sampling;
    const penalties = repeatPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0;
    return Math.max(
      penalties ? lastN(this.#model, repeatLastN) : 0,
      dryMultiplier !== 0 ? lastN(this.#model, dryPenaltyLastN) : 0,
    );
  }

  #accept(token: number): void {
    this.#chain.accept(token);
    this.#before?.accept(token);
    this.#accepted.push(token);
  }

  /** The next token, from the logits of an output of the last batch. */
  sample(context: Context, index: number): number {
    const dictated = this.#reasoning?.dictated ?? null;
    const token = dictated !== null
      ? this.#dictate(dictated)
      : this.#constraint === null
      ? this.#draw(context, index)
      : this.#constrained(this.#constraint, context, index);
    this.#reasoning?.see(token);
    this.#accepted.push(token);
    return token;
  }

  #draw(context: Context, index: number): number {
    const start = performance.now();
    const token = this.#chain.sample(context, index);
    this.#model.native.ms += performance.now() - start;
    return token;
  }

  /** A token that nobody chose; a grammar that has no place for it is the caller's mistake. */
  #dictate(token: number): number {
    if (this.#constraint !== null) {
      if (!this.#constraint.allows(token)) {
        throw new ShimmyError("backend", "The grammar does not let the reasoning end");
      }
      this.#constraint.accept(token);
    }
    this.#chain.accept(token);
    this.#before?.copyFrom(this.#chain);
    return token;
  }

  /**
   * Asking the grammar about the one token that was chosen anyway is cheap; asking it about the whole
   * vocabulary is not, so that happens only when the token does not fit.
   */
  #constrained(constraint: Constraint, context: Context, index: number): number {
    const before = this.#before!;
    let token = this.#draw(context, index);
    if (!constraint.allows(token)) {
      this.#chain.copyFrom(before);
      const { candidates } = this.#model;
      candidates.fill(context.logits(index));
      constraint.apply(candidates);
      this.#chain.apply(candidates);
      const chosen = candidates.selected;
      if (chosen === null || !constraint.allows(chosen)) {
        throw new ShimmyError("backend", "The grammar leaves no token to continue with");
      }
      token = chosen;
      this.#chain.accept(token);
    }
    constraint.accept(token);
    before.copyFrom(this.#chain);
    return token;
  }

  /** Changes the sampling from the next token on; what was sampled so far still counts for penalties. */
  update(changes: Partial<Sampling>): void {
    this.#sampling = { ...this.#sampling, ...changes };
    this.#chain.close();
    this.#before?.close();
    this.#chain = buildChain(
      this.#model,
      this.#sampling,
      this.#sampling.seed ?? this.#seed,
      this.#ignoreEos,
    );
    this.#before = this.#constraint === null ? null : this.#chain.clone();
    const accepted = this.#accepted;
    for (const token of accepted.slice(Math.max(0, accepted.length - this.#lookBack()))) {
      this.#chain.accept(token);
      this.#before?.accept(token);
    }
  }

  close(): void {
    this.#chain.close();
    this.#before?.close();
    this.#constraint?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
