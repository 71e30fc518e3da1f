import { Batch } from "../../ffi/mod.ts";
import { messageOf, ShimmyError } from "../errors.ts";
import type { Generation } from "./generation.ts";
import { tokenLogprobs } from "./logprobs.ts";
import { PrefixCache } from "./prefix_cache.ts";
import type { Control, EngineStatus, SequenceEvent, SequenceRequest } from "./protocol.ts";
import { TokenSampler } from "./sampler.ts";
import { inTurn, PromptShare } from "./scheduler.ts";
import { Sequence } from "./sequence.ts";
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
  readonly #queueLimit: number;
  #waiting: Sequence[] = [];
  #running: Sequence[] = [];
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
    this.#cache = new PrefixCache(model.context, {
      streams: model.parallel,
      canCut: model.canCut,
      savedBytes: model.savedBytes,
    });
  }

  /** Whether a step would do anything now. */
  get hasWork(): boolean {
    return this.#running.some((sequence) => !sequence.paused || sequence.remaining > 1) ||
      (this.#waiting.length > 0 && this.#cache.hasFreeStream);
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
    const { sequenceLength } = this.#model;
    const prompt = this.#tokenizer.encode(request.prompt, true);
    if (prompt.length === 0) {
      throw new ShimmyError("invalid", "prompt: must not be empty", { field: "prompt" });
    }
    const room = sequenceLength - prompt.length;
    if (room < 1) {
      throw new ShimmyError(
        "context_length",
        `The prompt has ${prompt.length} tokens, but the context holds ${sequenceLength}`,
        { field: "prompt" },
      );
    }
    const sampler = new TokenSampler(this.#model.sampling, request, prompt);
    return new Sequence(id, request, prompt, sampler, Math.min(request.maxTokens ?? room, room));
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
        sequence.sampler.update(control.sampling);
    }
  }

  /** Computes one batch and samples from it. */
  step(): void {
    const start = performance.now();
    this.#admit(start);
    const promptTokens = this.#fill(start);
    if (this.#batch.length === 0) return;
    const before = performance.now();
    const computed = this.#decode();
    const native = performance.now() - before;
    this.#nativeMs += native;
    if (computed) {
      this.#share.learn(promptTokens, native);
      this.#sample();
    }
    this.#steps++;
    this.#stepMs += performance.now() - start;
  }

  /** Gives streams to waiting sequences. */
  #admit(now: number): void {
    if (this.#waiting.length === 0) return;
    for (const sequence of inTurn(this.#waiting, now)) {
      if (!this.#cache.hasFreeStream) return;
      if (sequence.paused) continue;
      const useCache = sequence.request.cachePrompt ?? true;
      // Somebody is computing what this one begins with: computing it twice would take longer.
      if (useCache && this.#cache.isBeingComputed(sequence.tokens)) continue;
      const stream = this.#cache.acquire(sequence.tokens, useCache);
      if (stream === null) return;
      sequence.admit(stream);
      this.#waiting.splice(this.#waiting.indexOf(sequence), 1);
      this.#running.push(sequence);
    }
  }

  /**
   * Fills the batch: the next token of every answer first, then chunks of prompts.
   * @returns how many of its tokens are of prompts.
   */
  #fill(now: number): number {
    this.#batch.clear();
    const prompts: Sequence[] = [];
    let decoding = 0;
    for (const sequence of this.#running) {
      sequence.output = null;
      if (sequence.remaining > 1) prompts.push(sequence);
      else if (!sequence.paused) {
        this.#add(sequence, 1);
        decoding++;
      }
    }
    let share = this.#share.size(this.#batch.capacity, decoding);
    let promptTokens = 0;
    for (const sequence of prompts.length > 1 ? inTurn(prompts, now) : prompts) {
      // A paused one is computed up to its last token, as others may be waiting for its prompt.
      const wanted = sequence.paused ? sequence.remaining - 1 : sequence.remaining;
      const count = Math.min(wanted, share, this.#batch.room);
      if (count <= 0) continue;
      this.#add(sequence, count);
      share -= count;
      promptTokens += count;
    }
    return promptTokens;
  }

  /** Adds the next tokens of a sequence; the last of all its tokens is the one to sample from. */
  #add(sequence: Sequence, count: number): void {
    const { tokens } = sequence;
    const stream = sequence.stream!;
    const from = stream.tokens.length;
    const end = from + count;
    for (let position = from; position < end; position++) {
      const isLast = position === tokens.length - 1;
      const index = this.#batch.add(tokens[position]!, position, stream.id, isLast);
      if (isLast) sequence.output = index;
      stream.tokens.push(tokens[position]!);
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

  /** The KV cache had no room for the batch: makes some, and takes the batch back. */
  #makeRoom(): void {
    this.#takeBack();
    if (this.#cache.evict()) return;
    const youngest = this.#running.at(-1)!;
    if (this.#running.length > 1) {
      this.#cache.release(youngest.stream!, true);
      youngest.stream = null;
      this.#running.pop();
      this.#waiting.unshift(youngest);
    } else this.#finish(youngest, "length");
  }

  /** Forgets the tokens that `#fill` noted as computed. */
  #takeBack(): void {
    for (const sequence of this.#running) {
      const stream = sequence.stream!;
      const held = this.#model.context.lastPosition(stream.id) + 1;
      if (held < stream.tokens.length) stream.tokens.length = held;
    }
  }

  /** Ends every sequence that had a part in the batch. */
  #failBatch(error: ShimmyError): void {
    for (const sequence of [...this.#running]) {
      if (sequence.paused) continue;
      this.#drop(sequence, true);
      this.#emit(sequence.id, { type: "error", error: toWire(error) });
    }
  }

  /** Takes the next token of every sequence whose last one was in the batch. */
  #sample(): void {
    for (const sequence of [...this.#running]) {
      if (sequence.output === null) continue;
      try {
        this.#sampleOne(sequence, sequence.output);
      } catch (error) {
        this.#drop(sequence, false);
        this.#emit(sequence.id, { type: "error", error: toWire(error) });
      }
    }
  }

  #sampleOne(sequence: Sequence, output: number): void {
    const { context, sampling } = this.#model;
    const tokenizer = this.#tokenizer;
    const { request } = sequence;
    sequence.prefilled();
    if (sequence.maxTokens === 0) return this.#finish(sequence, "length");
    const token = sequence.sampler.sample(context, output);
    if (sampling.vocab.isEndOfGeneration(token)) {
      sequence.acceptEnd();
      return this.#finish(sequence, "stop");
    }
    const event = sequence.accept(
      token,
      tokenizer.piece(token, request.specialText ?? false),
      request.logprobs === undefined ? undefined : tokenLogprobs(
        context.logits(output),
        token,
        request.logprobs,
        (id) => tokenizer.piece(id, true).bytes,
      ),
    );
    this.#emit(sequence.id, event);
    if (sequence.stopString !== null) this.#finish(sequence, "stop");
    else if (sequence.completionTokens >= sequence.maxTokens) this.#finish(sequence, "length");
  }

  #finish(sequence: Sequence, reason: "stop" | "length" | "cancelled"): void {
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
    if (sequence.stream !== null) {
      this.#cache.release(sequence.stream, forget);
      sequence.stream = null;
    }
  }

  status(): EngineStatus {
    const { context, loras } = this.#model;
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
      steps: this.#steps,
      nativeMs: this.#nativeMs,
      stepMs: this.#stepMs,
      loras: loras.map(({ name, scale }) => ({ name, scale })),
    };
  }

  /** Ends everything that waits or runs. */
  close(): void {
    for (const sequence of [...this.#running, ...this.#waiting]) {
      this.#finish(sequence, "cancelled");
    }
  }
}
