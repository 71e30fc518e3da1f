import type { Context } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { SamplingChain, type SamplingChainOptions } from "./sampler_chain.ts";
import { GrammarConstraint } from "./grammar_constraint.ts";
import { PhaseTracker } from "./phase_tracker.ts";
import type { SamplerModel } from "./sampler_model.ts";
import {
  DEFAULT_SAMPLING,
  type Phase,
  type Sampling,
  type SequenceRequest,
} from "../protocol/mod.ts";

/** A seed that nobody chose. */
function freshSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}

/**
 * Chooses the tokens of one sequence.
 *
 * Its phases share a native chain until their sampling differs. A chain of its own begins with the seed,
 * and each chain hears of every token, so that penalties look back over the change of phase.
 */
export class TokenSampler implements Disposable {
  readonly #model: SamplerModel;
  readonly #constraint: GrammarConstraint | null;
  readonly #tracker: PhaseTracker | null;
  #answer: SamplingChain;
  /** Null: the reasoning, if there is any, has the answer's. */
  #reasoning: SamplingChain | null = null;
  /** What its sequence has in its context: a new chain is told of it. */
  readonly #past: readonly number[];

  /**
   * @param past the prompt, to which its sequence adds what is sampled.
   * @throws {ShimmyError} `invalid` if the grammar cannot be parsed.
   */
  constructor(model: SamplerModel, request: SequenceRequest, past: readonly number[]) {
    this.#model = model;
    this.#past = past;
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
    if (reasoning?.sampling === undefined || !differs(reasoning.sampling, options.sampling)) return;
    this.#reasoning = this.#answer.withSampling(reasoning.sampling, past);
  }

  get #phase(): Phase {
    return this.#tracker?.phase ?? "answer";
  }

  /** The next token, from the logits of an output of the last batch. */
  sample(context: Context, index: number): number {
    const phase = this.#phase;
    const [chain, other] = phase === "reasoning" && this.#reasoning !== null
      ? [this.#reasoning, this.#answer]
      : [this.#answer, this.#reasoning];
    const token = this.#choose(chain, context, index);
    other?.accept(token);
    this.#observe(token, phase);
    return token;
  }

  #choose(chain: SamplingChain, context: Context, index: number): number {
    const forcedToken = this.#tracker?.forcedToken ?? null;
    if (forcedToken === null) return this.#sampleAllowed(chain, context, index);
    if (this.#constraint?.allows(forcedToken) === false) {
      throw new ShimmyError("backend", "The grammar does not let the reasoning end");
    }
    chain.accept(forcedToken);
    return forcedToken;
  }

  /**
   * Asking the grammar about the one token that was chosen anyway is cheap; asking it about the whole
   * vocabulary is not, so that happens only when the token does not fit.
   */
  #sampleAllowed(chain: SamplingChain, context: Context, index: number): number {
    const token = chain.sample(context, index);
    const constraint = this.#constraint;
    if (constraint === null) return token;
    if (constraint.allows(token)) {
      chain.commit();
      return token;
    }
    const { candidates } = this.#model;
    candidates.fill(context.logits(index));
    constraint.apply(candidates);
    const chosen = chain.resample(candidates);
    if (chosen === null || !constraint.allows(chosen)) {
      throw new ShimmyError("backend", "The grammar leaves no token to continue with");
    }
    chain.commit();
    return chosen;
  }

  /** Tells those who follow the text of a token. A call that is only thought of starts no grammar. */
  #observe(token: number, phase: Phase): void {
    const beyond = this.#tracker?.accept(token) ?? "";
    if (this.#tracker?.isOver) {
      this.#reasoning?.close();
      this.#reasoning = null;
    }
    const constraint = this.#constraint;
    if (constraint === null) return;
    if (!constraint.isWaiting || (phase === "answer" && this.#phase === "answer")) {
      constraint.accept(token);
    } else if (this.#phase === "reasoning") constraint.resetText();
    else constraint.scan(beyond);
  }

  /**
   * Changes the sampling of the phase that runs and of those that come, or of one alone, from the next
   * token on; what was sampled so far still counts for penalties.
   */
  update(changes: Partial<Sampling>, phase?: Phase): void {
    if (phase === "reasoning" && (this.#tracker?.isOver ?? true)) return;
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

/** Whether changes change anything. */
function differs(changes: Partial<Sampling>, sampling: Sampling): boolean {
  const changed = { ...sampling, ...changes };
  return Object.keys(changes).some((key) =>
    JSON.stringify(changed[key as keyof Sampling]) !==
      JSON.stringify(sampling[key as keyof Sampling])
  );
}
