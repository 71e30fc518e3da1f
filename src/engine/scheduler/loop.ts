import { Batch } from "../../../ffi/mod.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import { LoopStats } from "./loop_stats.ts";
import { addDecodeTokens, addPrefillChunks, byStream } from "./batch_builder.ts";
import { PaddingRows } from "./padding_rows.ts";
import type { GenerationContext } from "./generation.ts";
import { tokenLogprobs } from "../sampling/mod.ts";
import { type KvStream, PrefixCache, SessionCache, timedMemory } from "../kv_cache/mod.ts";
import {
  type Control,
  type FinishReason,
  type LoopStatus,
  type SequenceEvent,
  type SequenceRequest,
  serializeError,
} from "../protocol/mod.ts";
import { Scheduler } from "./scheduler.ts";
import { PrefillBudget } from "./priority.ts";
import { createSequence } from "./create_sequence.ts";
import { scorePrompt } from "./prompt_logprobs.ts";
import type { Sequence } from "./sequence.ts";
import { Speculation } from "../speculation/mod.ts";
import type { Tokenizer } from "../tokenizer/mod.ts";
import { BatchPolicy, type BatchSelection } from "./batch_policy.ts";

/** Maximum waiting requests per stream; more are refused. */
const QUEUE_PER_STREAM = 16;

type Emit = (id: number, event: SequenceEvent) => void;

/** Scheduler loop of one model: continuous batching over the streams of one context. */
export class Loop {
  readonly #model: GenerationContext;
  readonly #tokenizer: Tokenizer;
  readonly #emit: Emit;
  readonly #cache: PrefixCache;
  readonly #batch: Batch;
  readonly #prefillBudget = new PrefillBudget();
  readonly #speculation: Speculation;
  /** Null if padding rows cannot help. */
  readonly #padding: PaddingRows | null;
  readonly #sessions: SessionCache;
  readonly #queueLimit: number;
  readonly #scheduler: Scheduler;
  readonly #policy = new BatchPolicy();
  /** Sequences in the current batch, and idle streams with a padding row in it. */
  #members: readonly Sequence[] = [];
  #paddingStreams: readonly KvStream[] = [];
  readonly #stats = new LoopStats();

  constructor(model: GenerationContext, tokenizer: Tokenizer, emit: Emit) {
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#emit = emit;
    this.#batch = new Batch(model.context.batchSize);
    this.#queueLimit = QUEUE_PER_STREAM * model.parallel;
    // Rejected drafted tokens must be removed from the KV cache.
    this.#speculation = new Speculation(model.canTruncate ? model.draft : null, model);
    this.#padding = model.isOnCpu && model.canTruncate && !model.kvUnified
      ? new PaddingRows(model.sequenceLength)
      : null;
    this.#cache = new PrefixCache(timedMemory(model.context, model.sampling.native), {
      streams: model.parallel,
      canTruncate: model.canTruncate,
      window: model.window,
      savedBytes: model.savedBytes,
      sharedCells: model.kvUnified ? model.context.contextLength : null,
      mayShiftPositions: model.contextShift,
    });
    this.#scheduler = new Scheduler(this.#cache, (sequence) => this.#sessions.begin(sequence));
    this.#sessions = new SessionCache(model.sessions, model.context, this.#cache);
  }

  /** Whether a step would compute anything. */
  get hasWork(): boolean {
    return this.#scheduler.hasWork;
  }

  /** Whether the next step decodes, as far as is known: it then takes about as long as the last one. */
  get isDecoding(): boolean {
    return this.#scheduler.running.every(({ remaining }) => remaining <= 1);
  }

  /** Queues a request. A request that cannot be queued gets one error event. */
  submit(id: number, request: SequenceRequest): void {
    try {
      this.#scheduler.add(this.#createSequence(id, request));
    } catch (error) {
      this.#emit(id, { type: "error", error: serializeError(error) });
    }
  }

  #createSequence(id: number, request: SequenceRequest): Sequence {
    if (this.#scheduler.waiting.length >= this.#queueLimit) {
      throw new ShimmyError(
        "overloaded",
        `The queue is full: ${this.#queueLimit} requests are waiting`,
        { retryAfter: 1 },
      );
    }
    return createSequence(id, request, this.#model, this.#tokenizer, this.#sessions);
  }

  /** Applies a control to a waiting or running sequence. Ignored for finished sequences. */
  control(id: number, control: Control): void {
    const sequence = this.#scheduler.find(id);
    if (sequence === undefined) return;
    switch (control.type) {
      case "cancel":
        return this.#finish(sequence, "cancelled");
      case "stop":
        return this.#finish(sequence, "stop");
      case "pause":
        sequence.paused = true;
        return;
      case "resume":
        sequence.paused = false;
        return;
      case "sampling":
        try {
          sequence.sampler.update(control.sampling, control.phase);
        } catch (error) {
          this.#fail(sequence, error, false);
        }
    }
  }

  /** Computes one decode or prefill batch and samples from it. */
  step(): void {
    const start = performance.now();
    this.#scheduler.admit(start);
    const selection = this.#policy.next(this.#scheduler.running, start);
    if (selection === null) return;
    if (!this.#applyAdapters(selection.sequences)) return;
    if (selection.isPrefill) this.#buildPrefillBatch(selection, start);
    else this.#buildDecodeBatch(selection.sequences.toSorted(byStream));
    const before = performance.now();
    const computed = this.#decode();
    const native = performance.now() - before;
    this.#stats.nativeMs += native;
    if (computed) {
      for (const { tracer } of this.#members) {
        tracer?.batch(this.#batch.length, this.#members.length, selection.isPrefill);
      }
      if (selection.isPrefill) this.#prefillBudget.record(this.#batch.length, native);
      else this.#padding?.record(native);
      if (selection.isPrefill) this.#makeCheckpoints();
      this.#sample();
    }
    this.#stats.steps++;
    this.#stats.stepMs += performance.now() - start;
  }

  #buildPrefillBatch({ sequences, decoding }: BatchSelection<Sequence>, now: number): void {
    const budget = this.#prefillBudget.size(decoding, sequences.length, this.#batch.capacity);
    this.#members = addPrefillChunks(this.#batch, sequences, budget, now, this.#model.maxOutputs);
    this.#paddingStreams = [];
  }

  /** @param decoding sequences in the order of their streams */
  #buildDecodeBatch(decoding: readonly Sequence[]): void {
    this.#speculation.draft(decoding, this.#batch.capacity - decoding.length);
    this.#members = decoding;
    this.#paddingStreams = this.#choosePadding(decoding);
    addDecodeTokens(this.#batch, decoding, this.#paddingStreams);
  }

  /** A single sequence needs no padding, and drafts already fill row groups. */
  #choosePadding(decoding: readonly Sequence[]): readonly KvStream[] {
    if (this.#padding === null || decoding.length < 2) return [];
    if (decoding.some(({ draft }) => draft.length > 0)) return [];
    const streams = decoding.map((sequence) => sequence.stream!);
    const longest = Math.max(...streams.map(({ tokens }) => tokens.length));
    return this.#padding.choose(streams.map(({ id }) => id), this.#cache.idleStreams, longest);
  }

  /**
   * @returns whether the adapters of the sequences are applied; if not, the sequences have failed.
   */
  #applyAdapters(sequences: readonly Sequence[]): boolean {
    try {
      this.#model.adapters.apply(sequences[0]!.adapters, this.#model.context);
      return true;
    } catch (error) {
      for (const sequence of sequences) this.#fail(sequence, error, false);
      return false;
    }
  }

  /**
   * @returns whether the batch was computed; if not, its sequences are unchanged or have failed.
   */
  #decode(): boolean {
    try {
      const outcome = this.#model.context.decode(this.#batch);
      // A GPU may still compute when the call returns; its time belongs to this batch.
      this.#model.context.synchronize();
      this.#cache.completeCopies();
      if (outcome === "done") return true;
      if (outcome === "full") this.#makeRoom();
      else this.#failBatch(new ShimmyError("cancelled", "The model is being unloaded"));
    } catch (error) {
      this.#failBatch(
        new ShimmyError("backend", "Generation failed in the backend", {
          detail: messageOf(error),
          cause: error,
        }),
      );
    } finally {
      for (const { id, tokens } of this.#paddingStreams) {
        this.#model.context.removeTokens(id, tokens.length, -1);
      }
    }
    return false;
  }

  /** The KV cache had no room for the batch: rolls the batch back and frees cells. */
  #makeRoom(): void {
    this.#rollBack();
    if (this.#cache.evict() || this.#scheduler.preempt()) return;
    for (const sequence of this.#scheduler.running) this.#finish(sequence, "length");
  }

  /** Removes the tokens of the batch that did not get into the KV cache from the streams. */
  #rollBack(): void {
    for (const { stream } of this.#scheduler.running) {
      const held = this.#model.context.lastPosition(stream!.id) + 1;
      if (held < stream!.tokens.length) stream!.tokens.length = held;
    }
  }

  /** Fails every sequence of the batch. */
  #failBatch(error: ShimmyError): void {
    for (const sequence of this.#members) this.#fail(sequence, error, true);
    this.#rollBack();
  }

  #fail(sequence: Sequence, error: unknown, forget: boolean): void {
    this.#drop(sequence, forget);
    this.#emit(sequence.id, { type: "error", error: serializeError(error) });
  }

  /** Makes the planned checkpoints of the sequences in the batch. */
  #makeCheckpoints(): void {
    if (this.#model.canTruncate) return;
    for (const { stream } of this.#members) this.#cache.makeCheckpoint(stream!);
  }

  /** Samples the next tokens of the sequences whose last token was in the batch. */
  #sample(): void {
    for (const sequence of this.#members) {
      try {
        if (sequence.scoresPrompt) {
          const logprobs = scorePrompt(sequence, this.#model.context, this.#tokenizer);
          if (logprobs.length > 0) this.#emit(sequence.id, { type: "prompt", logprobs });
        }
        if (sequence.outputs.length === 0) continue;
        sequence.markPrefilled();
        this.#sampleFrom(sequence);
      } catch (error) {
        this.#fail(sequence, error, false);
      }
    }
  }

  /**
   * Samples from the outputs as long as the sampled token equals the drafted one. Each token is
   * sampled exactly as without a draft.
   */
  #sampleFrom(sequence: Sequence): void {
    let accepted = 0;
    let finish: FinishReason | null = null;
    for (const output of sequence.outputs) {
      finish = this.#sampleOne(sequence, output);
      if (finish !== null || sequence.tokens.at(-1) !== sequence.draft[accepted]) break;
      accepted++;
    }
    this.#speculation.record(sequence, accepted);
    this.#removeRejected(sequence, finish);
    if (finish !== null) this.#finish(sequence, finish);
    else if (sequence.room < 1) this.#shift(sequence);
  }

  /** Removes rejected drafted tokens from the KV cache. */
  #removeRejected(sequence: Sequence, finish: FinishReason | null): void {
    const stream = sequence.stream!;
    // The last sampled token is not in the KV cache, unless the sequence ended at a drafted token.
    const valid = Math.min(
      stream.tokens.length,
      finish === null ? sequence.tokens.length - 1 : sequence.tokens.length,
    );
    if (sequence.draft.length === 0 || valid === stream.tokens.length) return;
    this.#model.context.removeTokens(stream.id, valid, -1);
    stream.tokens.length = valid;
  }

  /** @returns the finish reason, or null. */
  #sampleOne(sequence: Sequence, output: number): FinishReason | null {
    const { context, sampling } = this.#model;
    const { request } = sequence;
    if (sequence.maxTokens === 0) return "length";
    const token = sequence.sampler.sample(context, output);
    if (sampling.vocab.isEndOfGeneration(token)) {
      sequence.acceptEndOfGeneration(token);
      return "stop";
    }
    const event = sequence.accept(
      token,
      this.#tokenizer.piece(token, request.specialText ?? false),
      request.logprobs === undefined ? undefined : tokenLogprobs(
        context.logits(output),
        token,
        request.logprobs,
        (id) => this.#tokenizer.piece(id, true).bytes,
      ),
    );
    this.#emit(sequence.id, event);
    if (sequence.stopString !== null) return "stop";
    return sequence.completionTokens >= sequence.maxTokens ? "length" : null;
  }

  /**
   * Context shift: the stream is full, so half of the tokens after the first one are discarded,
   * oldest first.
   */
  #shift(sequence: Sequence): void {
    const { context } = this.#model;
    const stream = sequence.stream!;
    const keep = 1;
    const count = (stream.tokens.length - keep) >> 1;
    context.removeTokens(stream.id, keep, keep + count);
    context.shiftTokens(stream.id, keep + count, -1, -count);
    stream.tokens.splice(keep, count);
    sequence.forget(keep, count);
    sequence.scope = this.#cache.isolate(stream);
  }

  #finish(sequence: Sequence, reason: FinishReason): void {
    this.#sessions.save(sequence);
    this.#drop(sequence, false);
    const event = sequence.done(reason);
    this.#stats.add(sequence);
    this.#emit(sequence.id, event);
  }

  /** Removes a sequence and releases its stream and adapters. */
  #drop(sequence: Sequence, forget: boolean): void {
    // After a context shift the KV cache depends on discarded tokens and cannot be reused.
    this.#scheduler.remove(sequence, forget || sequence.isShifted);
    sequence.sampler.close();
    this.#model.adapters.release(sequence.adapters);
  }

  status(): LoopStatus {
    const { context } = this.#model;
    const { running, waiting } = this.#scheduler;
    const counts = this.#stats.snapshot();
    return {
      running: running.length,
      prefilling: running.filter((sequence) => sequence.isPrefilling).length,
      queued: waiting.length,
      queueLimit: this.#queueLimit,
      // Sequences may share cells of one buffer.
      cellsUsed: Math.min(this.#cache.cellsUsed, context.contextLength),
      cellsTotal: context.contextLength,
      ...counts,
      nativeMs: counts.nativeMs + this.#model.sampling.native.ms,
      speculation: this.#speculation.kind,
      draftedTokens: this.#speculation.drafted,
      acceptedTokens: this.#speculation.accepted,
      evictions: this.#cache.evictions,
      preemptions: this.#scheduler.preemptions,
    };
  }

  /** Ends all waiting and running sequences. */
  close(): void {
    for (const sequence of [...this.#scheduler.running, ...this.#scheduler.waiting]) {
      this.#finish(sequence, "cancelled");
    }
  }
}
