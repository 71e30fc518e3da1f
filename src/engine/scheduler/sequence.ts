import type { AdapterSet } from "../adapters/mod.ts";
import { DraftPolicy, NgramLookup } from "../speculation/mod.ts";
import type { KvStream, SavedState } from "../kv_cache/mod.ts";
import { MediaRuns } from "../media/mod.ts";
import type { OpenedSession } from "../stored_prefixes/mod.ts";
import type {
  FinishReason,
  Notice,
  SequenceEvent,
  SequenceRequest,
  Timings,
  TokenLogprob,
  Usage,
} from "../protocol/mod.ts";
import type { TokenSampler } from "../sampling/mod.ts";
import type { Piece } from "../tokenizer/mod.ts";
import { type AnswerPlace, AnswerText } from "./answer_stops.ts";
import {
  contextAt,
  type DroppedTokens,
  restored,
  type ShiftedTokens,
} from "./shift/dropped_tokens.ts";
import { SequenceTracer } from "./trace/sequence_trace.ts";

/** Tokens that an answer gets at least when it goes on in a larger context. */
const MIN_GROWTH = 256;

/** Limits of a sequence. */
export interface SequenceLimits {
  /** Maximum tokens to generate. */
  readonly maxTokens: number;
  /** Maximum tokens of prompt and answer. */
  readonly length: number;
  /** Whether the answer goes on when its context is full (context shift). */
  readonly mayShift: boolean;
}

/** A request in the loop, from its prompt to its last token. */
export class Sequence {
  readonly submitted: number;
  readonly promptLength: number;
  readonly policy = new DraftPolicy();
  /** Scope of its cached states: see `PrefixCache.acquire`. */
  scope: string;
  /** Set while the sequence is admitted. */
  stream: KvStream | null = null;
  /** Maximum tokens of its stream. */
  capacity = Infinity;
  #pausedSince = Infinity;
  /** Set while its prefix is read from disk: it is not admitted. */
  isRestoring = false;
  /** A state in the prefix cache that is kept for this sequence. */
  inserted: SavedState | null;
  /** Output indices in the current batch from which the next tokens are sampled. */
  readonly outputs: number[] = [];
  /** Positions of message boundaries in the prompt, for a memory that needs checkpoints. */
  boundaries: readonly number[] = [];
  /** Output indices in the current batch for the log probabilities of the next prompt tokens. */
  readonly promptOutputs: number[] = [];
  /** Number of prompt tokens whose log probabilities were reported. */
  scoredTokens = 0;
  /** Drafted tokens in the batch. */
  draft: readonly number[] = [];
  accepted = 0;
  completionTokens = 0;
  cachedTokens = 0;
  stopString: string | null = null;
  /** Null unless the request asks for a trace. */
  readonly tracer: SequenceTracer | null;
  /** Deviations from the request. */
  readonly notices: Notice[] = [];
  #lookup: NgramLookup | null = null;
  #admitted = 0;
  #prefilled = 0;
  #firstToken = 0;
  /** Processed prompt tokens in the last report; -1: there was none. */
  #reportedTokens = -1;
  /** The last slot. */
  #slot: number | undefined;
  #text: AnswerText;
  /** Sampled tokens, and those of them that rewinds dropped. */
  #sampled = 0;
  #discarded = 0;
  /** Tokens at the beginning of the answer that the grammar does not apply to. */
  unconstrained = 0;
  /** What context shifts dropped, the earliest first. */
  #dropped: readonly DroppedTokens[] = [];

  constructor(
    readonly id: number,
    readonly request: SequenceRequest,
    /**
     * The prompt, then each sampled token; the last one is not in the KV cache yet. Context shifts drop
     * tokens. The sampler shares this list.
     */
    public tokens: number[],
    public sampler: TokenSampler,
    readonly limits: SequenceLimits,
    /** The adapters it is computed with. */
    readonly adapters: AdapterSet,
    public session: OpenedSession,
    /** The images of the prompt. */
    readonly media: MediaRuns = MediaRuns.NONE,
  ) {
    this.submitted = media.isEmpty ? performance.now() : media.work.begun;
    this.notices.push(...session.notices);
    this.promptLength = tokens.length;
    this.tracer = request.trace ? new SequenceTracer(tokens) : null;
    this.scope = adapters.key;
    this.inserted = session.inserted;
    this.#text = new AnswerText(request.stop, sampler.stage);
  }

  get paused(): boolean {
    return this.#pausedSince < Infinity;
  }

  set paused(isPaused: boolean) {
    if (isPaused !== this.paused) this.#pausedSince = isPaused ? performance.now() : Infinity;
  }

  /** When the sequence was paused, as `performance.now` tells; Infinity if it is not. */
  get pausedSince(): number {
    return this.#pausedSince;
  }

  /** Whether log probabilities of prompt tokens are still to be reported. */
  get scoresPrompt(): boolean {
    return this.request.promptLogprobs !== undefined && this.scoredTokens < this.promptLength;
  }

  get maxTokens(): number {
    return this.limits.maxTokens;
  }

  /** Tokens that the stream can still hold. */
  get room(): number {
    return Math.min(this.limits.length, this.capacity) - this.tokens.length;
  }

  /** Tokens that a stream must hold for the sequence to go on. */
  get neededLength(): number {
    if (this.completionTokens === 0) return this.tokens.length + (this.maxTokens === 0 ? 0 : 1);
    return Math.min(this.limits.length, this.tokens.length + MIN_GROWTH);
  }

  /** Tokens that rewinds dropped. */
  get discarded(): number {
    return this.#discarded;
  }

  /**
   * Whether a token was sampled. A sequence that waits nevertheless was preempted. Tokens that its request
   * began with are not sampled: they must give no turn before others.
   */
  get hasSampled(): boolean {
    return this.#sampled > 0;
  }

  /** Tokens that were sampled, also those that rewinds dropped. */
  get sampled(): number {
    return this.#sampled;
  }

  /** When the first token was sampled, as `performance.now` tells; 0 before. */
  get firstTokenAt(): number {
    return this.#firstToken;
  }

  /** Tokens that are not in the KV cache yet. */
  get remaining(): number {
    return this.tokens.length - (this.stream?.tokens.length ?? 0);
  }

  /** Whether the prompt has images. */
  get hasMedia(): boolean {
    return !this.media.isEmpty;
  }

  /** Whether the next token to compute is a row of an image. */
  get isAtMedia(): boolean {
    return this.hasMedia && this.media.isRow(this.stream?.tokens.length ?? 0);
  }

  /** Whether context shifts have dropped tokens. */
  get isShifted(): boolean {
    return this.shifts > 0;
  }

  /** Number of context shifts. */
  get shifts(): number {
    return this.#dropped.length;
  }

  /** The prompt and the answer, with the tokens that context shifts dropped. */
  get wholeTokens(): readonly number[] {
    return this.isShifted ? restored(this.tokens, this.#dropped) : this.tokens;
  }

  /** The context when the answer had its first `keep` tokens. */
  contextAt(keep: number): ShiftedTokens {
    return contextAt({ tokens: this.tokens, dropped: this.#dropped }, this.promptLength, keep);
  }

  /** Whether the prompt is not completely computed. */
  get isPrefilling(): boolean {
    return this.#prefilled === 0;
  }

  /** Prompt lookup in its own tokens. */
  get lookup(): NgramLookup {
    return this.#lookup ??= new NgramLookup(this.tokens);
  }

  /**
   * Assigns a stream that holds a prefix of the tokens.
   * @returns whether it is the first stream of the sequence.
   */
  admit(stream: KvStream): boolean {
    this.stream = stream;
    this.#slot = stream.id;
    if (this.#admitted !== 0) return false;
    this.#admitted = performance.now();
    this.cachedTokens = stream.tokens.length;
    return true;
  }

  /** Marks the prompt as completely computed. */
  markPrefilled(): void {
    if (this.#prefilled === 0) this.#prefilled = performance.now();
  }

  /**
   * The progress of the prompt, if it is requested and has changed since the last call. A preempted
   * sequence computes its prompt again, which is no progress.
   */
  progress(): SequenceEvent | null {
    if (!this.request.reportsProgress || this.completionTokens > 0) return null;
    const processedTokens = Math.min(this.stream?.tokens.length ?? 0, this.promptLength);
    if (processedTokens <= this.#reportedTokens) return null;
    this.#reportedTokens = processedTokens;
    const { promptLength: promptTokens, cachedTokens } = this;
    return {
      type: "progress",
      progress: { promptTokens, cachedTokens, processedTokens },
      timings: this.#timings(processedTokens),
    };
  }

  /** Discards tokens, as the context shift of its stream did. */
  forget(from: number, count: number): void {
    const tokens = this.tokens.splice(from, count);
    this.#dropped = [...this.#dropped, { at: this.completionTokens, tokens }];
    this.#lookup = null;
  }

  /** Adds a sampled token. @returns its event. */
  accept(
    token: number,
    piece: Piece,
    logprob?: TokenLogprob & { readonly top: readonly TokenLogprob[] },
  ): SequenceEvent {
    if (this.#sampled++ === 0) this.#firstToken = performance.now();
    this.tokens.push(token);
    const event = this.#show(token, piece, this.sampler);
    return logprob === undefined ? event : { ...event, logprob };
  }

  /**
   * Replaces the answer from a token on. The sampler has replayed the tokens.
   *
   * @param keep number of tokens of the answer that stay
   * @param context the context from now on, with inserted tokens
   * @param text the text state after the tokens that stay
   */
  rewind(
    keep: number,
    { tokens, dropped }: ShiftedTokens,
    sampler: TokenSampler,
    text: AnswerText,
  ): void {
    this.sampler.close();
    this.#discarded += this.completionTokens - keep;
    this.completionTokens = keep;
    this.tracer?.rewind(keep);
    this.tokens = tokens;
    this.#dropped = dropped;
    this.sampler = sampler;
    this.#text = text;
    this.#lookup = null;
    this.draft = [];
  }

  /** Adds a token that {@linkcode Sequence.rewind} has put into the list. @returns its event. */
  insert(token: number, piece: Piece, place: AnswerPlace): SequenceEvent {
    return { ...this.#show(token, piece, place), isInserted: true };
  }

  #show(
    token: number,
    piece: Piece,
    place: AnswerPlace,
  ): Extract<SequenceEvent, { type: "token" }> {
    this.completionTokens++;
    this.tracer?.token(token);
    const { text, stop } = this.#text.push(piece, place);
    this.stopString = stop;
    const event = { type: "token", text, token } as const;
    if (!this.request.reportsTimings) return event;
    return { ...event, soFar: { usage: this.#usage(), timings: this.#timings() } };
  }

  /** Counts a sampled end-of-generation token, which has no text. */
  acceptEndOfGeneration(token: number): void {
    this.tracer?.token(token);
    if (this.#sampled++ === 0) this.#firstToken = performance.now();
    this.completionTokens++;
  }

  /** Creates the final event. */
  done(finishReason: FinishReason): SequenceEvent {
    let text = "";
    if (this.stopString === null) {
      const last = this.#text.end();
      this.stopString = last.stop;
      text = last.text;
    }
    return {
      type: "done",
      text,
      finishReason,
      stopString: this.stopString,
      usage: this.#usage(),
      timings: this.#timings(),
      ...(this.#slot === undefined ? {} : { slot: this.#slot }),
      ...(this.notices.length === 0 ? {} : { notices: this.notices }),
      ...(this.tracer === null ? {} : { trace: this.tracer.trace(this.sampler, this.adapters) }),
    };
  }

  #usage(): Usage {
    return {
      promptTokens: this.promptLength,
      completionTokens: this.completionTokens,
      cachedTokens: this.cachedTokens,
      ...this.media.usage,
      ...(this.#discarded === 0 ? {} : { discardedTokens: this.#discarded }),
    };
  }

  /** @param processed prompt tokens in the KV cache. */
  #timings(processed = this.promptLength): Timings {
    const now = performance.now();
    const admitted = this.#admitted || now;
    const prefilled = this.#prefilled || now;
    const first = this.#firstToken || now;
    const promptMs = prefilled - admitted;
    const predictedMs = now - first;
    const computed = processed - this.cachedTokens;
    return {
      queueMs: admitted - this.submitted - this.media.work.ms,
      promptMs,
      firstTokenMs: first - this.submitted,
      predictedMs,
      ...(this.hasMedia ? { mediaMs: this.media.work.ms } : {}),
      promptPerSecond: promptMs > 0 && computed > 0 ? computed / promptMs * 1000 : 0,
      predictedPerSecond: predictedMs > 0 && this.#sampled > 1
        ? (this.#sampled - 1) / predictedMs * 1000
        : 0,
      draftedTokens: this.policy.drafted,
      acceptedTokens: this.policy.accepted,
    };
  }
}
