import { messageOf, ShimmyError } from "../../errors.ts";
import { LoopStats, statusOf } from "./loop_stats.ts";
import type { GenerationContext, LargerContext } from "./generation.ts";
import { shiftContext, shiftedLike } from "./shift/shift_context.ts";
import { cacheOptions, type LoopParts, memoryOf, partsFor } from "./loop_parts.ts";
import { sampledLogprobs, tokenLogprobs } from "../sampling/mod.ts";
import { PrefixCache } from "../kv_cache/mod.ts";
import { decodeBatch, MediaRuns } from "../media/mod.ts";
import { StoredPrefixes } from "../stored_prefixes/mod.ts";
import { Slots } from "../slots/mod.ts";
import {
  type ContextShape,
  type Control,
  type Edit,
  type FinishReason,
  type LoopStatus,
  type SequenceEvent,
  type SequenceRequest,
  serializeError,
  type SlotChange,
  type SlotChangeResult,
} from "../protocol/mod.ts";
import { Scheduler } from "./scheduler.ts";
import { PrefillBudget } from "./order/priority.ts";
import { createSequence, tooLong } from "./create_sequence.ts";
import { editSequence, type EditTools } from "./edit_sequence.ts";
import { scorePrompt } from "./prompt_logprobs.ts";
import type { Sequence } from "./sequence.ts";
import type { Tokenizer } from "../tokenizer/mod.ts";
import type { BatchSelection } from "./batch_policy.ts";
import { QueuePlaces } from "./order/queue_places.ts";
import { buildBatch, type StepBatch } from "./step_batch.ts";

type Emit = (id: number, event: SequenceEvent) => void;

/** Receivers of what happens beside the events of sequences. */
interface LoopListeners {
  /** Called when there is new work without a call of this class. */
  readonly onReady?: () => void;
  /** Receives fallbacks, each once. */
  readonly onNotice?: (notice: string) => void;
}

/** Scheduler loop of one model: continuous batching over the streams of one context. */
export class Loop {
  #model: GenerationContext;
  readonly #tokenizer: Tokenizer;
  readonly #emit: Emit;
  readonly #onNotice: (notice: string) => void;
  readonly #cache: PrefixCache;
  readonly #prefillBudget = new PrefillBudget();
  /** Prefixes in files. */
  readonly stored: StoredPrefixes;
  readonly #queue: QueuePlaces;
  readonly #scheduler: Scheduler;
  readonly #slots: Slots;
  /** What belongs to the current context. */
  #parts: LoopParts;
  #batch: StepBatch;
  readonly #stats = new LoopStats();

  constructor(
    model: GenerationContext,
    tokenizer: Tokenizer,
    emit: Emit,
    { onReady = () => {}, onNotice = () => {} }: LoopListeners = {},
  ) {
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#emit = emit;
    this.#onNotice = onNotice;
    this.#cache = new PrefixCache(memoryOf(model), {
      ...cacheOptions(model),
      spill: model.diskCache === null ? undefined : (state) => this.stored.spill(state),
    });
    this.stored = new StoredPrefixes(this.#cache, {
      disk: model.diskCache,
      budget: model.savedBytes,
      msPerToken: () => this.#prefillBudget.msPerToken,
      onReady,
    }, model);
    this.#scheduler = new Scheduler(
      this.#cache,
      model.sequenceLength,
      (sequence) => this.#begin(sequence),
    );
    this.#queue = new QueuePlaces(
      model.parallel,
      () => this.#scheduler.waiting,
      (sequence, error) => this.#fail(sequence, error, false),
    );
    this.#slots = new Slots(() => this.#model, this.#cache, () => this.#defaultScope());
    this.#parts = partsFor(model, onNotice);
    this.#batch = { batch: this.#parts.batch, members: [], paddingStreams: [] };
  }

  /** Whether a step would compute anything. */
  get hasWork(): boolean {
    return this.#scheduler.hasWork;
  }

  /** Whether the next step decodes, as far as is known: it then takes about as long as the last one. */
  get isDecoding(): boolean {
    const { running } = this.#scheduler;
    return running.length > 0 && running.every(({ remaining }) => remaining <= 1);
  }

  /**
   * Queues a request. A request that cannot be queued gets one error event.
   * @param prompt the tokens of the prompt, if they are known.
   * @param media the images of the prompt.
   */
  submit(
    id: number,
    request: SequenceRequest,
    prompt?: number[],
    media = MediaRuns.NONE,
  ): void {
    try {
      const sequence = this.#createSequence(id, request, prompt, media);
      this.stored.submitted(sequence);
      this.#scheduler.add(sequence);
      if (request.reportsLength) {
        this.#emit(id, { type: "queued", promptTokens: sequence.promptLength });
      }
    } catch (error) {
      this.#emit(id, { type: "error", error: serializeError(error) });
    }
  }

  /** Changes an idle slot. See `Engine.changeSlot`. */
  changeSlot(change: SlotChange): SlotChangeResult {
    return this.#slots.change(change);
  }

  /** The scope of sequences with the adapters of requests that choose none. */
  #defaultScope(): string {
    const adapters = this.#model.adapters.acquire(undefined);
    this.#model.adapters.release(adapters);
    return adapters.key;
  }

  /** A sequence got its first stream. */
  #begin(sequence: Sequence): void {
    this.stored.admitted(sequence);
    this.#reportProgress(sequence);
  }

  #reportProgress(sequence: Sequence): void {
    const event = sequence.progress();
    if (event !== null) this.#emit(sequence.id, event);
  }

  #createSequence(
    id: number,
    request: SequenceRequest,
    prompt: number[] | undefined,
    media: MediaRuns,
  ): Sequence {
    this.#queue.check(request.client);
    if (request.slot !== undefined) this.#slots.find(request.slot);
    const tokens = prompt ?? this.#tokenizer.encode(request.prompt, request.addSpecial ?? true);
    const { cellsUsed } = this.#cache;
    if (request.begun !== undefined) this.#announce();
    const { stored } = this;
    const tools = this.#tools(id);
    const parts = { tokens, media };
    const sequence = createSequence(id, request, parts, this.#model, stored, cellsUsed, tools);
    const shifted = sequence.isShifted && shiftedLike(sequence, this.#scheduler.running);
    if (shifted) sequence.scope = shifted.scope;
    return sequence;
  }

  #tools(id: number): EditTools {
    return {
      tokenizer: this.#tokenizer,
      cache: this.#cache,
      isEndOfGeneration: (token) => this.#model.sampling.vocab.isEndOfGeneration(token),
      emit: (event) => this.#emit(id, event),
    };
  }

  /** Lets a sequence that begins like an answer find that answer, which is still running. */
  #announce(): void {
    for (const { stream, tokens } of this.#scheduler.running) this.#cache.announce(stream!, tokens);
  }

  /**
   * Changes the tokens of a waiting or running sequence.
   *
   * @returns the number of tokens of its answer.
   * @throws {ShimmyError} `not_found` if there is no such sequence; `invalid` if the edit cannot be
   * applied.
   */
  edit(id: number, edit: Edit): number {
    const sequence = this.#scheduler.find(id);
    if (sequence === undefined) {
      throw new ShimmyError("not_found", "The answer has ended, or its prompt is not read yet");
    }
    const reason = editSequence(sequence, edit, this.#tools(id));
    const { completionTokens } = sequence;
    if (reason !== null) this.#finish(sequence, reason);
    else if (sequence.stream !== null && sequence.room < 1) this.#outgrow(sequence);
    return completionTokens;
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
      case "end-reasoning":
        sequence.sampler.endReasoning();
        return;
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
    if (this.#scheduler.waiting.length > 0) {
      this.#enlarge();
      this.#scheduler.admit(start);
    }
    const selection = this.#parts.policy.next(this.#scheduler.running, start);
    if (selection === null) return;
    if (!this.#applyAdapters(selection.sequences)) return;
    this.#batch = buildBatch(selection, {
      model: this.#model,
      parts: this.#parts,
      prefillBudget: this.#prefillBudget,
      cache: this.#cache,
    }, start);
    const before = performance.now();
    const computed = this.#decode();
    const native = performance.now() - before;
    this.#stats.nativeMs += native;
    if (computed) {
      const { batch, members } = this.#batch;
      for (const { tracer } of members) {
        tracer?.batch(batch.length, members.length, selection.isPrefill);
      }
      this.#recordTime(selection, native);
      if (selection.isPrefill) this.#makeCheckpoints();
      this.#sample();
    }
    this.#stats.steps++;
    const spent = performance.now() - start;
    this.#stats.stepMs += spent;
    this.#parts.speculation.recordStep(this.#batch.members, selection.isPrefill, spent);
  }

  #recordTime({ isPrefill, riders }: BatchSelection<Sequence>, ms: number): void {
    if (isPrefill) {
      const promptTokens = this.#batch.batch.length - riders.length;
      this.#prefillBudget.record(promptTokens, ms, riders.length > 0);
    } else {
      this.#prefillBudget.recordDecode(ms);
      this.#parts.padding?.record(ms);
    }
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
      const outcome = decodeBatch(this.#model.context, this.#batch.batch);
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
      for (const { id, tokens } of this.#batch.paddingStreams) {
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
    for (const sequence of this.#batch.members) this.#fail(sequence, error, true);
    this.#rollBack();
  }

  #fail(sequence: Sequence, error: unknown, forget: boolean): void {
    this.#drop(sequence, forget);
    this.#emit(sequence.id, { type: "error", error: serializeError(error) });
  }

  /** Makes the planned checkpoints of the sequences in the batch. */
  #makeCheckpoints(): void {
    if (this.#model.canTruncate) return;
    for (const { stream } of this.#batch.members) this.#cache.makeCheckpoint(stream!);
  }

  /** Samples the next tokens of the sequences whose last token was in the batch. */
  #sample(): void {
    for (const sequence of this.#batch.members) {
      try {
        this.#reportProgress(sequence);
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
    this.#parts.speculation.record(sequence, accepted);
    this.#removeRejected(sequence, finish);
    if (finish !== null) this.#finish(sequence, finish);
    else if (sequence.room < 1) this.#outgrow(sequence);
  }

  /** A sequence has filled its stream. */
  #outgrow(sequence: Sequence): void {
    const mayGrow = sequence.tokens.length < sequence.limits.length && !sequence.isShifted;
    if (mayGrow && this.#larger(sequence) !== null) {
      this.#scheduler.suspend(sequence);
    } else if (this.#model.contextShift && !sequence.hasMedia) this.#shift(sequence);
    else this.#finish(sequence, "length");
  }

  /** Shifts the context of a sequence; inserted tokens may need more than one shift. */
  #shift(sequence: Sequence): void {
    while (sequence.room < 1) shiftContext(sequence, this.#model.context, this.#cache);
  }

  /**
   * Creates a larger context for a waiting sequence that is longer than a stream, as soon as the running
   * sequences have ended.
   */
  #enlarge(): void {
    const sequence = this.#scheduler.tooLong;
    if (sequence === undefined) return;
    this.#scheduler.suspendIdle();
    if (this.#scheduler.running.length > 0) return;
    const { tokens } = sequence;
    const larger = this.#larger(sequence);
    try {
      if (larger !== null) return this.#replaceContext(larger);
    } catch (error) {
      // The old context is closed too: without any, the model cannot go on.
      this.#replaceContext({ shape: this.#model.shape, stateBytes: 0, keepsStates: true });
      return this.#fail(sequence, error, true);
    }
    // Memory has become short since the sequence was accepted.
    if (sequence.completionTokens > 0 && this.#model.contextShift && !sequence.hasMedia) {
      sequence.capacity = this.#model.sequenceLength;
      this.#shift(sequence);
    } else if (sequence.completionTokens > 0) this.#finish(sequence, "length");
    else this.#fail(sequence, tooLong(tokens.length, this.#model.sequenceLength), true);
  }

  #larger({ neededLength }: Sequence): LargerContext | null {
    return this.#model.larger(neededLength, this.#cache.cellsUsed);
  }

  #replaceContext({ shape, stateBytes, keepsStates }: LargerContext): void {
    if (!keepsStates) this.#cache.forgetStates();
    this.#cache.move(keepsStates ? stateBytes : 0, () => {
      this.#model = this.#model.replace(shape);
      return { memory: memoryOf(this.#model), options: cacheOptions(this.#model) };
    });
    this.#scheduler.streamLength = this.#model.sequenceLength;
    this.#parts = partsFor(this.#model, this.#onNotice, this.#parts.speculation);
    this.stored.setContext(this.#model);
    this.#stats.replacements++;
    this.#failWithoutSlot();
    // The former context was too short for some of the states on disk.
    for (const sequence of this.#scheduler.waiting) {
      if (!sequence.isRestoring && sequence.completionTokens === 0) this.stored.submitted(sequence);
    }
  }

  /** The new context may have fewer slots than a waiting request was accepted for. */
  #failWithoutSlot(): void {
    for (const sequence of [...this.#scheduler.waiting]) {
      const { slot } = sequence.request;
      if (slot === undefined || slot < this.#cache.streams.length) continue;
      try {
        this.#slots.find(slot);
      } catch (error) {
        this.#fail(sequence, error, false);
      }
    }
  }

  /** The shape of the context. A new one is another object. */
  get shape(): ContextShape {
    return this.#model.shape;
  }

  /** Removes rejected drafted tokens from the KV cache. */
  #removeRejected(sequence: Sequence, finish: FinishReason | null): void {
    const stream = sequence.stream!;
    // The last sampled token is not in the KV cache, unless the sequence ended at a drafted token.
    const valid = Math.min(
      stream.tokens.length,
      finish === null ? sequence.tokens.length - 1 : sequence.tokens.length,
    );
    if (sequence.draft.length > 0) this.#parts.undo.undo(stream, valid);
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
      request.logprobs === undefined
        ? undefined
        : this.#logprobs(sequence, output, token, request.logprobs),
    );
    this.#emit(sequence.id, event);
    if (sequence.stopString !== null) return "stop";
    return sequence.completionTokens >= sequence.maxTokens ? "length" : null;
  }

  #logprobs({ request, sampler }: Sequence, output: number, token: number, count: number) {
    const bytes = (id: number) => this.#tokenizer.piece(id, true).bytes;
    return request.sampledLogprobs
      ? sampledLogprobs(sampler.probabilities(), token, count, bytes)
      : tokenLogprobs(this.#model.context.logits(output), token, count, bytes);
  }

  #finish(sequence: Sequence, reason: FinishReason): void {
    this.stored.finished(sequence);
    this.#drop(sequence, false);
    const event = sequence.done(reason);
    this.#stats.add(sequence);
    this.#emit(sequence.id, event);
  }

  /** Removes a sequence and releases its stream and adapters. */
  #drop(sequence: Sequence, forget: boolean): void {
    // After a context shift the KV cache depends on discarded tokens and cannot be reused.
    this.#scheduler.remove(sequence, forget || sequence.isShifted);
    if (sequence.isShifted) this.#cache.discard(sequence.scope);
    this.stored.removed(sequence);
    sequence.sampler.close();
    this.#model.adapters.release(sequence.adapters);
  }

  status(): LoopStatus {
    return {
      ...statusOf(this.#model, this.#scheduler, this.#cache, this.#stats),
      ...this.#stats.snapshot(this.#model.sampling.native.ms),
      ...this.#parts.speculation.status,
      queueLimit: this.#queue.limit,
      slots: this.#slots.status(this.#scheduler.running),
    };
  }

  /** Ends all waiting and running sequences. */
  close(): void {
    for (const sequence of [...this.#scheduler.running, ...this.#scheduler.waiting]) {
      this.#finish(sequence, "cancelled");
    }
  }
}
