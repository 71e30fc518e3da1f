import { Batch } from "../../ffi/mod.ts";
import { messageOf, ShimmyError } from "../errors.ts";
import { fillAnswers, fillPrompts } from "./fill.ts";
import type { Generation } from "./generation.ts";
import { tokenLogprobs } from "./logprobs.ts";
import { PrefixCache } from "./prefix_cache.ts";
import type {
  Control,
  EngineStatus,
  FinishReason,
  SequenceEvent,
  SequenceRequest,
} from "./protocol.ts";
import { TokenSampler } from "./sampler.ts";
import { inTurn, PromptShare } from "./scheduler.ts";
import { Sequence } from "./sequence.ts";
import { SessionKeeper } from "./session_keeper.ts";
import { Speculation } from "./speculation.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { toWire } from "./wire.ts";

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
  readonly #sessions: SessionKeeper;
  readonly #queueLimit: number;
  #waiting: Sequence[] = [];
  #running: Sequence[] = [];
  /** Those of the running ones that may be computed in this step. */
  #group: readonly Sequence[] = [];
  /** Those that have a part in the batch. */
  #members: readonly Sequence[] = [];
  /** Whether the last batch was of prompts. */
  #wasForPrompts = false;
  /** Key of the adapters of the last step. */
  #turn = "";
  /** No room for another sequence until one ends: it would be taken back at once. */
  #isCrowded = false;
  #steps = 0;
  #nativeMs = 0;
  #stepMs = 0;
  #promptTokens = 0;
  #cachedTokens = 0;
  #completionTokens = 0;

  constructor(model: Generation, tokenizer: Tokenizer, emit: Emit) {
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#emit = emit;
    this.#batch = new Batch(model.context.batchSize);
    this.#queueLimit = QUEUE_PER_STREAM * model.parallel;
    // What turns out wrong has to be cut out of the memory again.
    this.#speculation = new Speculation(model.canCut ? model.draft : null, model.lookup);
    this.#cache = new PrefixCache(model.context, {
      streams: model.parallel,
      canCut: model.canCut,
      savedBytes: model.savedBytes,
    });
    this.#sessions = new SessionKeeper(model.sessions, model.context, this.#cache);
  }

  /** Whether a step would do anything now. */
  get hasWork(): boolean {
    return this.#running.some((sequence) => !sequence.paused || sequence.remaining > 1) ||
      (!this.#isCrowded && this.#cache.hasFreeStream &&
        this.#waiting.some((sequence) => !sequence.paused));
  }

  /** Queues a request; what is wrong with it is told as its one event. */
  submit(id: number, request: SequenceRequest): void {
    try {
      this.#waiting.push(this.#prepare(id, request));
    } catch (error) {
      this.#emit(id, { type: "error", error: toWire(error) });
    }
  }

  #prepare(id: number, request: SequenceRequest): Sequence {
    if (this.#waiting.length >= this.#queueLimit) {
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
      this.#sessions.open(request, adapters.key);
      const sampler = new TokenSampler(this.#model.sampling, request, prompt);
      return new Sequence(id, request, prompt, sampler, { maxTokens, length }, adapters);
    } catch (error) {
      this.#model.adapters.release(adapters);
      throw error;
    }
  }

  /** Changes a sequence that waits or runs; others are done, and nothing is left to change. */
  control(id: number, control: Control): void {
    const sequence = this.#running.find((one) => one.id === id) ??
      this.#waiting.find((one) => one.id === id);
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
          sequence.sampler.update(control.sampling);
        } catch (error) {
          this.#fail(sequence, error, false);
        }
    }
  }

  /**
   * Computes one batch and samples from it: the next tokens of all answers, or chunks of prompts, by
   * turns when there are both. In one batch a long prompt would make every answer's attention as long as
   * its own, and hold back the tokens that are there already.
   */
  step(): void {
    const start = performance.now();
    this.#admit(start);
    this.#chooseGroup();
    const prompts = this.#group.filter(({ remaining }) => remaining > 1);
    const answers = this.#group.filter(({ remaining }) => remaining <= 1);
    const isForPrompts = prompts.length > 0 && (answers.length === 0 || !this.#wasForPrompts);
    this.#wasForPrompts = isForPrompts;
    this.#members = isForPrompts
      ? fillPrompts(
        this.#batch,
        prompts,
        this.#share.size(answers.length, this.#batch.capacity),
        start,
      )
      : fillAnswers(this.#batch, answers, this.#speculation);
    if (this.#batch.length === 0) return;
    const before = performance.now();
    const computed = this.#decode();
    const native = performance.now() - before;
    this.#nativeMs += native;
    if (computed) {
      if (isForPrompts) this.#share.learn(this.#batch.length, native);
      this.#sample();
    }
    this.#steps++;
    this.#stepMs += performance.now() - start;
  }

  /**
   * A context computes with one set of adapters at a time: sequences with different ones take turns.
   */
  #chooseGroup(): void {
    const ready = this.#running.filter(({ paused, remaining }) => !paused || remaining > 1);
    const keys = [...new Set(ready.map(({ adapters }) => adapters.key))];
    const turn = keys[(keys.indexOf(this.#turn) + 1) % keys.length];
    this.#group = keys.length < 2 ? ready : ready.filter(({ adapters }) => adapters.key === turn);
    const [first] = this.#group;
    if (first === undefined) return;
    this.#turn = first.adapters.key;
    this.#model.adapters.apply(first.adapters);
  }

  /** Gives streams to waiting sequences. */
  #admit(now: number): void {
    if (this.#waiting.length === 0 || this.#isCrowded) return;
    for (const sequence of inTurn(this.#waiting, now)) {
      if (!this.#cache.hasFreeStream) return;
      if (sequence.paused) continue;
      const useCache = sequence.request.cachePrompt ?? true;
      const scope = sequence.adapters.key;
      // Somebody is computing what this one begins with: computing it twice would take longer.
      if (useCache && this.#cache.isBeingComputed(sequence.tokens, scope)) continue;
      const stream = this.#cache.acquire(sequence.tokens, useCache, scope);
      if (stream === null) return;
      sequence.admit(stream);
      this.#waiting.splice(this.#waiting.indexOf(sequence), 1);
      this.#running.push(sequence);
    }
  }

  /** @returns whether the batch was computed; if not, its sequences are as before or were ended. */
  #decode(): boolean {
    try {
      const outcome = this.#model.context.decode(this.#batch);
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
    }
    return false;
  }

  /** The KV cache had no room for the batch: takes the batch back and makes some. */
  #makeRoom(): void {
    this.#takeBack();
    if (this.#cache.evict()) return;
    const youngest = this.#running.at(-1)!;
    if (this.#running.length === 1) return this.#finish(youngest, "length");
    // It goes on when there is room again.
    this.#running.pop();
    this.#cache.park(youngest.stream!);
    youngest.stream = null;
    this.#waiting.unshift(youngest);
    this.#isCrowded = true;
  }

  /** Forgets the tokens that were put into the batch but did not get into the KV cache. */
  #takeBack(): void {
    for (const { stream } of this.#running) {
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
    this.#cache.rewrite(stream);
  }

  #finish(sequence: Sequence, reason: FinishReason): void {
    this.#sessions.save(sequence);
    this.#drop(sequence, false);
    const event = sequence.done(reason);
    this.#promptTokens += sequence.promptLength;
    this.#cachedTokens += sequence.cachedTokens;
    this.#completionTokens += sequence.completionTokens;
    this.#emit(sequence.id, event);
  }

  /** Takes a sequence out of the loop and gives its stream back. */
  #drop(sequence: Sequence, forget: boolean): void {
    this.#running = this.#running.filter((one) => one !== sequence);
    this.#waiting = this.#waiting.filter((one) => one !== sequence);
    sequence.sampler.close();
    this.#model.adapters.release(sequence.adapters);
    this.#isCrowded = false;
    if (sequence.stream !== null) {
      this.#cache.release(sequence.stream, forget);
      sequence.stream = null;
    }
  }

  status(): EngineStatus {
    const { context, adapters } = this.#model;
    return {
      running: this.#running.length,
      prefilling: this.#running.filter((sequence) => sequence.isPrefilling).length,
      queued: this.#waiting.length,
      queueLimit: this.#queueLimit,
      cellsUsed: this.#cache.cellsUsed,
      cellsTotal: context.contextLength,
      promptTokens: this.#promptTokens,
      cachedTokens: this.#cachedTokens,
      completionTokens: this.#completionTokens,
      draftedTokens: this.#speculation.drafted,
      acceptedTokens: this.#speculation.accepted,
      steps: this.#steps,
      nativeMs: this.#nativeMs + this.#model.sampling.native.ms,
      stepMs: this.#stepMs,
      loras: adapters.list(),
    };
  }

  /** Ends everything that waits or runs. */
  close(): void {
    for (const sequence of [...this.#running, ...this.#waiting]) {
      this.#finish(sequence, "cancelled");
    }
  }
}
