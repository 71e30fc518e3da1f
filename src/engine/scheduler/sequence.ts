import type { AdapterSet } from "../adapters/mod.ts";
import { DraftPolicy, NgramLookup } from "../speculation/mod.ts";
import type { KvStream, OpenedSession } from "../kv_cache/mod.ts";
import type {
  FinishReason,
  Notice,
  SequenceEvent,
  SequenceRequest,
  Timings,
  TokenLogprob,
} from "../protocol/mod.ts";
import type { TokenSampler } from "../sampling/mod.ts";
import { type Piece, StopMatcher, Utf8Stream } from "../tokenizer/mod.ts";

/** How much a sequence may take. */
export interface SequenceLimits {
  /** Tokens to generate at most. */
  readonly maxTokens: number;
  /** Tokens of prompt and answer that its stream holds. */
  readonly length: number;
}

/** One request on its way through the loop: from its prompt to its last token. */
export class Sequence {
  readonly submitted = performance.now();
  readonly promptLength: number;
  readonly policy = new DraftPolicy();
  /** Whose states it may use, and who may use its own: see `PrefixCache.acquire`. */
  scope: string;
  /** Set while it is admitted. */
  stream: KvStream | null = null;
  paused = false;
  /** Outputs of the batch that is being computed from which its next tokens are sampled. */
  readonly outputs: number[] = [];
  /** Outputs of that batch which tell the log probabilities of the next tokens of the prompt. */
  readonly promptOutputs: number[] = [];
  /** Tokens of the prompt whose log probabilities were reported. */
  scoredTokens = 0;
  /** Tokens that were put into the batch in the hope that they are the next ones. */
  draft: readonly number[] = [];
  completionTokens = 0;
  cachedTokens = 0;
  stopString: string | null = null;
  /** What did not go as it was asked. */
  readonly notices: Notice[] = [];
  #lookup: NgramLookup | null = null;
  #admitted = 0;
  #prefilled = 0;
  #firstToken = 0;
  readonly #utf8 = new Utf8Stream();
  readonly #stops: StopMatcher;

  constructor(
    readonly id: number,
    readonly request: SequenceRequest,
    /**
     * The prompt, then each token that was sampled; the last one is not in the KV cache yet. The sampler
     * has the same list.
     */
    readonly tokens: number[],
    readonly sampler: TokenSampler,
    readonly limits: SequenceLimits,
    /** What it is computed with beside the model. */
    readonly adapters: AdapterSet,
    readonly session: OpenedSession,
  ) {
    if (session.notice !== null) this.notices.push(session.notice);
    this.promptLength = tokens.length;
    this.scope = adapters.key;
    this.#stops = new StopMatcher(request.stop);
  }

  /** Whether log probabilities of its prompt are still to be reported. */
  get scoresPrompt(): boolean {
    return this.request.promptLogprobs !== undefined && this.scoredTokens < this.promptLength;
  }

  get maxTokens(): number {
    return this.limits.maxTokens;
  }

  /** Tokens that its stream could still take. */
  get room(): number {
    return this.limits.length - this.tokens.length;
  }

  /** Tokens that are not in the KV cache yet. */
  get remaining(): number {
    return this.tokens.length - (this.stream?.tokens.length ?? 0);
  }

  /** Whether its context was shifted. */
  get isShifted(): boolean {
    return this.scope !== this.adapters.key;
  }

  /** Whether its prompt is still being computed. */
  get isPrefilling(): boolean {
    return this.#prefilled === 0;
  }

  /** Finds repetitions in its own tokens. */
  get lookup(): NgramLookup {
    return this.#lookup ??= new NgramLookup(this.tokens);
  }

  /**
   * It has a stream now, which holds the first tokens of its prompt.
   * @returns whether it is its first one.
   */
  admit(stream: KvStream): boolean {
    this.stream = stream;
    if (this.#admitted !== 0) return false;
    this.#admitted = performance.now();
    this.cachedTokens = stream.tokens.length;
    return true;
  }

  /** Its whole prompt is in the KV cache. */
  markPrefilled(): void {
    if (this.#prefilled === 0) this.#prefilled = performance.now();
  }

  /** Drops tokens from its past, as its stream did. */
  forget(from: number, count: number): void {
    this.tokens.splice(from, count);
    this.#lookup = null;
  }

  /** A token was sampled. @returns the event that tells of it. */
  accept(
    token: number,
    piece: Piece,
    logprob?: TokenLogprob & { readonly top: readonly TokenLogprob[] },
  ): SequenceEvent {
    this.#count();
    this.tokens.push(token);
    const { text, stop } = this.#stops.push(this.#utf8.push(piece.bytes, piece.text));
    this.stopString = stop;
    return logprob === undefined
      ? { type: "token", text, token }
      : { type: "token", text, token, logprob };
  }

  /** An end-of-generation token was sampled: it counts, and has no text. */
  acceptEndOfGeneration(): void {
    this.#count();
  }

  #count(): void {
    if (this.completionTokens === 0) this.#firstToken = performance.now();
    this.completionTokens++;
  }

  /** The last event. */
  done(finishReason: FinishReason): SequenceEvent {
    let text = "";
    if (this.stopString === null) {
      const last = this.#stops.push(this.#utf8.flush());
      this.stopString = last.stop;
      text = last.text + this.#stops.flush();
    }
    return {
      type: "done",
      text,
      finishReason,
      stopString: this.stopString,
      usage: {
        promptTokens: this.promptLength,
        completionTokens: this.completionTokens,
        cachedTokens: this.cachedTokens,
      },
      timings: this.#timings(),
      ...(this.notices.length === 0 ? {} : { notices: this.notices }),
    };
  }

  #timings(): Timings {
    const now = performance.now();
    const admitted = this.#admitted || now;
    const prefilled = this.#prefilled || now;
    const first = this.#firstToken || now;
    const promptMs = prefilled - admitted;
    const predictedMs = now - first;
    const computed = this.promptLength - this.cachedTokens;
    return {
      queueMs: admitted - this.submitted,
      promptMs,
      firstTokenMs: first - this.submitted,
      predictedMs,
      promptPerSecond: promptMs > 0 && this.#prefilled > 0 ? computed / promptMs * 1000 : 0,
      predictedPerSecond: predictedMs > 0 && this.completionTokens > 1
        ? (this.completionTokens - 1) / predictedMs * 1000
        : 0,
      draftedTokens: this.policy.drafted,
      acceptedTokens: this.policy.accepted,
    };
  }
}
