import { Batch } from "../../../ffi/mod.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import { LoopCounts } from "./loop_stats.ts";
import { byStream, fillAnswers, fillPrompts } from "./batch_builder.ts";
import { Filling } from "./padding_rows.ts";
import type { Generation } from "./generation.ts";
import { tokenLogprobs, TokenSampler } from "../sampling/mod.ts";
import { type KvStream, PrefixCache, SessionKeeper, timedMemory } from "../kv_cache/mod.ts";
import {
  type Control,
  type FinishReason,
  type LoopStatus,
  type SequenceEvent,
  type SequenceRequest,
  toWire,
} from "../protocol/mod.ts";
import { Roster } from "./scheduler.ts";
import { PromptShare } from "./priority.ts";
import { Sequence } from "./sequence.ts";
import { Speculation } from "../speculation/mod.ts";
import type { Tokenizer } from "../tokenizer/mod.ts";
import { type Turn, Turns } from "./batch_policy.ts";

/** Requests that may wait for each one that may run; more are refused. */
const QUEUE_PER_STREAM = 16;

type Emit = (id: number, event: SequenceEvent) => void;

/** The token loop of one model: continuous batching over the streams of one context. */
export class Loop {
  readonly #model: Generation;
  readonly #tokenizer: Tokenizer;
  readonly #emit: Emit;
  readonly #cache: PrefixCache;
  readonly #batch: Batch;
  readonly #share = new PromptShare();
  readonly #speculation: Speculation;
  /** Null where rows that nobody needs are of no use. */
  readonly #filling: Filling | null;
  readonly #sessions: SessionKeeper;
  readonly #queueLimit: number;
  readonly #roster: Roster;
  readonly #turns = new Turns();
  /** Those that have a part in the batch, and the unused streams that have a row in it. */
  #members: readonly Sequence[] = [];
  #fillers: readonly KvStream[] = [];
  readonly #counts = new LoopCounts();

  constructor(model: Generation, tokenizer: Tokenizer, emit: Emit) {
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#emit = emit;
    this.#batch = new Batch(model.context.batchSize);
    this.#queueLimit = QUEUE_PER_STREAM * model.parallel;
    // What turns out wrong has to be cut out of the memory again.
    this.#speculation = new Speculation(model.canCut ? model.draft : null, model);
    this.#filling = model.isOnCpu && model.canCut && !model.kvUnified
      ? new Filling(model.sequenceLength)
      : null;
    this.#cache = new PrefixCache(timedMemory(model.context, model.sampling.native), {
      streams: model.parallel,
      canCut: model.canCut,
      savedBytes: model.savedBytes,
      sharedCells: model.kvUnified ? model.context.contextLength : null,
      mayShift: model.contextShift,
    });
    this.#roster = new Roster(this.#cache, (sequence) => this.#sessions.begin(sequence));
    this.#sessions = new SessionKeeper(model.sessions, model.context, this.#cache);
  }

  /** Whether a step would do anything now. */
  get hasWork(): boolean {
    return this.#roster.hasWork;
  }

  /** Queues a request; what is wrong with it is told as its one event. */
  submit(id: number, request: SequenceRequest): void {
    try {
      this.#roster.add(this.#prepare(id, request));
    } catch (error) {
      this.#emit(id, { type: "error", error: toWire(error) });
    }
  }

  #prepare(id: number, request: SequenceRequest): Sequence {
    if (this.#roster.waiting.length >= this.#queueLimit) {
      throw new ShimmyError(
        "overloaded",
        `The queue is full: ${this.#queueLimit} requests are waiting`,
        { retryAfter: 1 },
      );
    }
    const { sequenceLength: length, contextShift } = this.#model;
    const prompt = this.#tokenizer.encode(request.prompt, true);
    if (prompt.length === 0) {
      throw new ShimmyError("invalid", "prompt: must not be empty", { field: "prompt" });
    }
    const room = length - prompt.length;
    if (room < 1) {
      throw new ShimmyError(
        "context_length",
        `The prompt has ${prompt.length} tokens, but the context holds ${length}`,
        { field: "prompt" },
      );
    }
    const asked = request.maxTokens ?? room;
    const maxTokens = contextShift ? asked : Math.min(asked, room);
    const adapters = this.#model.adapters.take(request.loras);
    try {
      const session = this.#sessions.open(request, adapters.key);
      const sampler = new TokenSampler(this.#model.sampling, request, prompt);
      return new Sequence(id, request, prompt, sampler, { maxTokens, length }, adapters, session);
    } catch (error) {
      this.#model.adapters.release(adapters);
      throw error;
    }
  }

  /** Changes a sequence that waits or runs; others are done, and nothing is left to change. */
  control(id: number, control: Control): void {
    const sequence = this.#roster.find(id);
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

  /** Computes one batch, of answers or of prompts, and samples from it. */
  step(): void {
    const start = performance.now();
    this.#roster.admit(start);
    const turn = this.#turns.next(this.#roster.running, start);
    if (turn === null) return;
    if (!this.#adapt(turn.sequences)) return;
    if (turn.isForPrompts) this.#fillPrompts(turn, start);
    else this.#fillAnswers(turn.sequences.toSorted(byStream));
    const before = performance.now();
    const computed = this.#decode();
    const native = performance.now() - before;
    this.#counts.nativeMs += native;
    if (computed) {
      if (turn.isForPrompts) this.#share.learn(this.#batch.length, native);
      else this.#filling?.learn(native);
      this.#sample();
    }
    this.#counts.steps++;
    this.#counts.stepMs += performance.now() - start;
  }

  #fillPrompts({ sequences, answers }: Turn<Sequence>, now: number): void {
    const share = this.#share.size(answers, sequences.length, this.#batch.capacity);
    this.#members = fillPrompts(this.#batch, sequences, share, now);
    this.#fillers = [];
  }

  /** @param answers in the order of their streams */
  #fillAnswers(answers: readonly Sequence[]): void {
    this.#speculation.draft(answers, this.#batch.capacity - answers.length);
    this.#members = answers;
    this.#fillers = this.#chooseFillers(answers);
    fillAnswers(this.#batch, answers, this.#fillers);
  }

  /** One answer alone is faster by itself, and what is drafted has groups of rows of its own. */
  #chooseFillers(answers: readonly Sequence[]): readonly KvStream[] {
    if (this.#filling === null || answers.length < 2) return [];
    if (answers.some(({ draft }) => draft.length > 0)) return [];
    const streams = answers.map((sequence) => sequence.stream!);
    const longest = Math.max(...streams.map(({ tokens }) => tokens.length));
    return this.#filling.choose(streams.map(({ id }) => id), this.#cache.unused, longest);
  }

  /** @returns whether the context computes with the sequences' adapters now; if not, they were ended. */
  #adapt(sequences: readonly Sequence[]): boolean {
    try {
      this.#model.adapters.apply(sequences[0]!.adapters, this.#model.context);
      return true;
    } catch (error) {
      for (const sequence of sequences) this.#fail(sequence, error, false);
      return false;
    }
  }

  /** @returns whether the batch was computed; if not, its sequences are as before or were ended. */
  #decode(): boolean {
    try {
      const outcome = this.#model.context.decode(this.#batch);
      // A GPU goes on computing when the call has returned: its time is that of the batch.
      this.#model.context.synchronize();
      this.#cache.settle();
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
      for (const { id, tokens } of this.#fillers) {
        this.#model.context.removeTokens(id, tokens.length, -1);
      }
    }
    return false;
  }

  /** The KV cache had no room for the batch: takes the batch back and makes some. */
  #makeRoom(): void {
    this.#takeBack();
    if (this.#cache.evict() || this.#roster.preempt()) return;
    for (const alone of this.#roster.running) this.#finish(alone, "length");
  }

  /** Forgets the tokens that were put into the batch but did not get into the KV cache. */
  #takeBack(): void {
    for (const { stream } of this.#roster.running) {
      const held = this.#model.context.lastPosition(stream!.id) + 1;
      if (held < stream!.tokens.length) stream!.tokens.length = held;
    }
  }

  /** Ends every sequence that had a part in the batch. */
  #failBatch(error: ShimmyError): void {
    for (const sequence of this.#members) this.#fail(sequence, error, true);
    this.#takeBack();
  }

  #fail(sequence: Sequence, error: unknown, forget: boolean): void {
    this.#drop(sequence, forget);
    this.#emit(sequence.id, { type: "error", error: toWire(error) });
  }

  /** Takes the next tokens of every sequence whose last one was in the batch. */
  #sample(): void {
    for (const sequence of this.#members) {
      if (sequence.outputs.length === 0) continue;
      try {
        sequence.prefilled();
        this.#sampleFrom(sequence);
      } catch (error) {
        this.#fail(sequence, error, false);
      }
    }
  }

  /**
   * Samples from one output after the other for as long as what comes out is what was drafted: each
   * token is drawn exactly as it would be without a draft.
   */
  #sampleFrom(sequence: Sequence): void {
    let accepted = 0;
    let finish: FinishReason | null = null;
    for (const output of sequence.outputs) {
      finish = this.#sampleOne(sequence, output);
      if (finish !== null || sequence.tokens.at(-1) !== sequence.draft[accepted]) break;
      accepted++;
    }
    this.#speculation.learn(sequence, accepted);
    this.#cut(sequence, finish);
    if (finish !== null) this.#finish(sequence, finish);
    else if (sequence.room < 1) this.#shift(sequence);
  }

  /** Takes tokens that were drafted wrongly out of the KV cache. */
  #cut(sequence: Sequence, finish: FinishReason | null): void {
    const stream = sequence.stream!;
    // The last token sampled is not computed yet, unless the end came at a drafted one.
    const valid = Math.min(
      stream.tokens.length,
      finish === null ? sequence.tokens.length - 1 : sequence.tokens.length,
    );
    if (sequence.draft.length === 0 || valid === stream.tokens.length) return;
    this.#model.context.removeTokens(stream.id, valid, -1);
    stream.tokens.length = valid;
  }

  /** @returns why the sequence is done, or null. */
  #sampleOne(sequence: Sequence, output: number): FinishReason | null {
    const { context, sampling } = this.#model;
    const { request } = sequence;
    if (sequence.maxTokens === 0) return "length";
    const token = sequence.sampler.sample(context, output);
    if (sampling.vocab.isEndOfGeneration(token)) {
      sequence.acceptEnd();
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

  /** The stream is full: forgets the older half of what comes after the first token, and goes on. */
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
    this.#counts.add(sequence);
    this.#emit(sequence.id, event);
  }

  /** Takes a sequence out of the loop and gives its stream back. */
  #drop(sequence: Sequence, forget: boolean): void {
    // What context shift left depends on tokens that are gone: it is of no use to others.
    this.#roster.remove(sequence, forget || sequence.isShifted);
    sequence.sampler.close();
    this.#model.adapters.release(sequence.adapters);
  }

  status(): LoopStatus {
    const { context } = this.#model;
    const { running, waiting } = this.#roster;
    const counts = this.#counts.told();
    return {
      running: running.length,
      prefilling: running.filter((sequence) => sequence.isPrefilling).length,
      queued: waiting.length,
      queueLimit: this.#queueLimit,
      // Sequences may have cells of one buffer in common.
      cellsUsed: Math.min(this.#cache.cellsUsed, context.contextLength),
      cellsTotal: context.contextLength,
      ...counts,
      nativeMs: counts.nativeMs + this.#model.sampling.native.ms,
      speculation: this.#speculation.kind,
      draftedTokens: this.#speculation.drafted,
      acceptedTokens: this.#speculation.accepted,
      evictions: this.#cache.evictions,
      preemptions: this.#roster.preemptions,
    };
  }

  /** Ends everything that waits or runs. */
  close(): void {
    for (const sequence of [...this.#roster.running, ...this.#roster.waiting]) {
      this.#finish(sequence, "cancelled");
    }
  }
}
