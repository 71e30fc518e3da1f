import type { Candidate, Context } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { SamplingChain, type SamplingChainOptions } from "./sampler_chain.ts";
import { GrammarConstraint } from "./grammar_constraint.ts";
import { PhaseTracker, type ReasoningStage } from "./phase_tracker.ts";
import type { SamplerModel } from "./sampler_model.ts";
import {
  DEFAULT_SAMPLING,
  type Phase,
  type ReasoningPhase,
  type Sampling,
  type SequenceRequest,
} from "../protocol/mod.ts";

/** The part of a request that its sampler needs. */
type SamplerRequest = Pick<
  SequenceRequest,
  "sampling" | "grammar" | "reasoning" | "ignoreEos" | "logprobs" | "sampledLogprobs"
>;

/** A random seed. */
function freshSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}

/**
 * Samples the tokens of one sequence.
 *
 * Reasoning and answer share a native sampler chain until their sampling differs. A separate chain
 * starts from the seed. Every chain accepts every token, so penalties look back across the change
 * of phase.
 */
export class TokenSampler implements Disposable {
  readonly #model: SamplerModel;
  readonly #constraint: GrammarConstraint | null;
  readonly #tracker: PhaseTracker | null;
  #answer: SamplingChain;
  /** Null if the reasoning uses the chain of the answer. */
  #reasoning: SamplingChain | null = null;
  #beyond = "";
  /** Whether the probabilities after the samplers are needed. */
  readonly #reportsSampled: boolean;
  #probabilities: readonly Candidate[] = [];
  /** The complete sampling at the start, with the seed that was drawn. */
  readonly initial: { readonly answer: Sampling; readonly reasoning: Sampling | null };
  #isSteered = false;
  /** Tokens of the sequence, which a new chain is initialized with. */
  readonly #past: readonly number[];
  readonly #request: SamplerRequest;
  /** Sampling of the reasoning, also after it; undefined: that of the answer. */
  #reasoningSampling: Partial<Sampling> | undefined;

  /**
   * @param past token list of the sequence: the prompt, then each sampled token.
   * @throws {ShimmyError} `invalid` if the grammar cannot be parsed.
   */
  constructor(model: SamplerModel, request: SamplerRequest, past: readonly number[]) {
    this.#model = model;
    this.#past = past;
    this.#request = request;
    this.#reasoningSampling = request.reasoning?.sampling;
    this.#reportsSampled = request.sampledLogprobs === true && request.logprobs !== undefined;
    const { reasoning, grammar } = request;
    this.#tracker = reasoning === undefined ? null : new PhaseTracker(reasoning, model.tokenText);
    this.#constraint = grammar === undefined
      ? null
      : new GrammarConstraint(model, grammar.source, grammar.triggers ?? []);
    const options: SamplingChainOptions = {
      sampling: { ...DEFAULT_SAMPLING, ...model.recommended, ...request.sampling },
      seed: freshSeed(),
      ignoreEos: request.ignoreEos ?? false,
      canRollBack: this.#constraint !== null,
    };
    this.#answer = SamplingChain.build(model, options, past);
    if (reasoning?.sampling !== undefined && differs(reasoning.sampling, options.sampling)) {
      this.#reasoning = this.#answer.withSampling(reasoning.sampling, past);
    }
    this.initial = {
      answer: withSeed(this.#answer.options),
      reasoning: this.#reasoning === null ? null : withSeed(this.#reasoning.options),
    };
  }

  /**
   * A sampler of the same request, with the present sampling, for other tokens. Give it the tokens of the
   * answer by {@linkcode TokenSampler.replay}. Random numbers start again: from the seed of the request, or
   * from another seed.
   *
   * @param past token list of the sequence: the prompt, then the tokens of the answer.
   * @param grammar null: none; undefined: the present one.
   */
  restarted(past: readonly number[], grammar?: SequenceRequest["grammar"] | null): TokenSampler {
    const { grammar: present, reasoning, ...request } = this.#request;
    const next = grammar === undefined ? present : grammar;
    const sampler = new TokenSampler(
      this.#model,
      {
        ...request,
        sampling: this.#answer.options.sampling,
        ...(next === undefined || next === null ? {} : { grammar: next }),
        ...(reasoning === undefined ? {} : { reasoning: this.#withSampling(reasoning) }),
      },
      past,
    );
    sampler.#isSteered = true;
    return sampler;
  }

  #withSampling({ sampling: _, ...reasoning }: ReasoningPhase): ReasoningPhase {
    const sampling = this.#reasoning?.options.sampling ?? this.#reasoningSampling;
    return sampling === undefined ? reasoning : { ...reasoning, sampling };
  }

  /**
   * Takes the next token of an answer that exists already.
   *
   * @param isConstrained whether the grammar applies to it.
   * @throws {ShimmyError} `invalid` if the grammar does not allow it.
   */
  replay(token: number, isConstrained: boolean): void {
    if (isConstrained && this.#constraint?.allows(token) === false) {
      throw new ShimmyError("invalid", "insert: the grammar does not allow these tokens", {
        field: "insert",
      });
    }
    this.#observe(token, this.#phase, isConstrained);
  }

  /** Whether the sampling was changed after the start. */
  get isSteered(): boolean {
    return this.#isSteered;
  }

  get #phase(): Phase {
    return this.#tracker?.phase ?? "answer";
  }

  /** Where the sequence is after the last token. Without reasoning: after it. */
  get stage(): ReasoningStage {
    return this.#tracker?.stage ?? "after";
  }

  /** Text after the closing mark, if the last token ended the reasoning. */
  get beyondReasoning(): string {
    return this.#beyond;
  }

  /** Samples the next token from the logits of an output of the last batch. */
  sample(context: Context, index: number): number {
    const phase = this.#phase;
    const reasoning = this.#reasoning;
    const inReasoning = phase === "reasoning" && reasoning !== null;
    const token = this.#choose(inReasoning ? reasoning : this.#answer, context, index);
    (inReasoning ? this.#answer : reasoning)?.accept(token);
    this.#observe(token, phase);
    return token;
  }

  #choose(chain: SamplingChain, context: Context, index: number): number {
    const forcedToken = this.#tracker?.forcedToken ?? null;
    if (forcedToken === null) return this.#sampleAllowed(chain, context, index);
    if (this.#constraint?.allows(forcedToken) === false) {
      throw new ShimmyError("backend", "The grammar does not allow the end of the reasoning");
    }
    chain.accept(forcedToken);
    this.#probabilities = [{ token: forcedToken, probability: 1 }];
    return forcedToken;
  }

  /**
   * Samples freely and checks the token against the grammar, which is cheap. Applies the grammar to
   * the whole vocabulary, which is expensive, only if the token is not allowed.
   */
  #sampleAllowed(chain: SamplingChain, context: Context, index: number): number {
    const constraint = this.#constraint;
    if (this.#reportsSampled) return this.#sampleAmong(chain, context, index);
    const token = chain.sample(context, index);
    if (constraint === null) return token;
    if (constraint.allows(token)) {
      chain.commit();
      return token;
    }
    chain.rollBack();
    return this.#sampleAmong(chain, context, index);
  }

  /** Samples from the tokens that the grammar allows. */
  #sampleAmong(chain: SamplingChain, context: Context, index: number): number {
    const { candidates } = this.#model;
    candidates.fill(context.logits(index));
    this.#constraint?.apply(candidates);
    const chosen = chain.select(candidates);
    if (chosen === null || this.#constraint?.allows(chosen) === false) {
      // Each grammar is parsed before, so it allows texts, but the vocabulary may have no token for them.
      throw new ShimmyError(
        "invalid",
        "The grammar allows no token of the model's vocabulary to continue with",
      );
    }
    if (this.#reportsSampled) this.#probabilities = candidates.remaining();
    chain.commit();
    return chosen;
  }

  /** The candidates of the last token after the samplers, if the request reports them. */
  probabilities(): readonly Candidate[] {
    return this.#probabilities;
  }

  /** Closes the reasoning with the next tokens, if the sequence is in it. */
  endReasoning(): void {
    this.#tracker?.end();
  }

  /** Updates phase and grammar with a token. Reasoning text does not trigger a lazy grammar. */
  #observe(token: number, phase: Phase, isConstrained = true): void {
    const beyond = this.#beyond = this.#tracker?.accept(token) ?? "";
    if (this.#tracker?.isOver && this.#reasoning !== null) {
      this.#reasoningSampling = this.#reasoning.options.sampling;
      this.#reasoning.close();
      this.#reasoning = null;
    }
    const constraint = this.#constraint;
    if (constraint === null || !isConstrained) return;
    if (!constraint.isInactive || (phase === "answer" && this.#phase === "answer")) {
      constraint.accept(token);
    } else if (this.#phase === "reasoning") constraint.resetText();
    else constraint.scan(beyond);
  }

  /**
   * Changes the sampling from the next token on: of the current and all later phases, or of one
   * phase. Penalties still count the earlier tokens.
   */
  update(changes: Partial<Sampling>, phase?: Phase): void {
    if (phase === "reasoning" && (this.#tracker?.isOver ?? true)) return;
    this.#isSteered = true;
    if (phase !== undefined && this.#tracker?.isOver === false) {
      this.#reasoning ??= this.#answer.clone();
    }
    if (phase !== "answer" && this.#reasoning !== null) {
      this.#reasoning = this.#replace(this.#reasoning, changes);
    }
    if (phase !== "reasoning") this.#answer = this.#replace(this.#answer, changes);
  }

  #replace(chain: SamplingChain, changes: Partial<Sampling>): SamplingChain {
    const changed = chain.withSampling(changes, this.#past);
    chain.close();
    return changed;
  }

  close(): void {
    this.#answer.close();
    this.#reasoning?.close();
    this.#constraint?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The sampling of a chain with its seed. */
function withSeed({ sampling, seed }: SamplingChainOptions): Sampling {
  return { ...sampling, seed: sampling.seed ?? seed };
}

/** Whether changes differ from the current sampling. */
function differs(changes: Partial<Sampling>, sampling: Sampling): boolean {
  const changed = { ...sampling, ...changes };
  return Object.keys(changes).some((key) =>
    JSON.stringify(changed[key as keyof Sampling]) !==
      JSON.stringify(sampling[key as keyof Sampling])
  );
}
