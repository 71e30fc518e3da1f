import { ShimmyError } from "../../errors.ts";
import { LoopStats, statusOf } from "./loop_stats.ts";
import type { GenerationContext } from "./generation.ts";
import { shiftedLike } from "./shift/shift_context.ts";
import { cacheOptions, memoryOf, partsFor } from "./loop_parts.ts";
import { PrefixCache } from "../kv_cache/mod.ts";
import { MediaRuns } from "../media/mod.ts";
import { StoredPrefixes } from "../stored_prefixes/mod.ts";
import { type Native, Slots } from "../slots/mod.ts";
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
  unloadedError,
} from "../protocol/mod.ts";
import { Scheduler } from "./scheduler.ts";
import { PrefillBudget } from "./order/priority.ts";
import { createSequence, placeFor } from "./create_sequence.ts";
import { controlSequence } from "./changes/control_sequence.ts";
import { editSequence, type EditTools } from "./changes/edit_sequence.ts";
import { ContextGrowth } from "./growth/context_growth.ts";
import type { CurrentContext } from "./growth/current_context.ts";
import { OutputSampler } from "./outputs/output_sampler.ts";
import type { Sequence } from "./sequence.ts";
import type { Tokenizer } from "../tokenizer/mod.ts";
import type { BatchSelection } from "./batch_policy.ts";
import { QueuePlaces } from "./order/queue_places.ts";
import { BatchComputation } from "./batch_computation.ts";
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
  readonly #current: CurrentContext;
  readonly #tokenizer: Tokenizer;
  readonly #emit: Emit;
  readonly #cache: PrefixCache;
  readonly #prefillBudget = new PrefillBudget();
  /** Prefixes in files. */
  readonly stored: StoredPrefixes;
  readonly #queue: QueuePlaces;
  readonly #scheduler: Scheduler;
  readonly #slots: Slots;
  readonly #growth: ContextGrowth;
  readonly #outputs: OutputSampler;
  readonly #computation: BatchComputation;
  #batch: StepBatch;
  readonly #stats = new LoopStats();

  constructor(
    model: GenerationContext,
    tokenizer: Tokenizer,
    emit: Emit,
    { onReady = () => {}, onNotice = () => {} }: LoopListeners = {},
  ) {
    this.#current = { model, parts: partsFor(model, onNotice) };
    this.#tokenizer = tokenizer;
    this.#emit = emit;
    this.#cache = new PrefixCache(memoryOf(model), {
      ...cacheOptions(model),
      spill: model.diskCache === null ? undefined : (state) => this.stored.spill(state),
    });
    this.stored = new StoredPrefixes(this.#cache, {
      disk: model.diskCache,
      shared: model.sharedStates,
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
    const endings = {
      finish: (sequence: Sequence, reason: FinishReason) => this.#finish(sequence, reason),
      fail: (sequence: Sequence, error: unknown, forget: boolean) =>
        this.#fail(sequence, error, forget),
    };
    this.#growth = new ContextGrowth({
      ...endings,
      current: this.#current,
      scheduler: this.#scheduler,
      cache: this.#cache,
      stored: this.stored,
      slots: this.#slots,
      stats: this.#stats,
      onNotice,
    });
    this.#outputs = new OutputSampler(this.#current, tokenizer, {
      ...endings,
      emit,
      outgrow: (sequence) => this.#growth.outgrow(sequence),
    });
    this.#computation = new BatchComputation({
      ...endings,
      current: this.#current,
      scheduler: this.#scheduler,
      cache: this.#cache,
    });
    this.#batch = { batch: this.#current.parts.batch, members: [], paddingStreams: [] };
  }

  get #model(): GenerationContext {
    return this.#current.model;
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
      media.release();
      this.#emit(id, { type: "error", error: serializeError(error) });
    }
  }

  /**
   * Checks a request before its images are encoded.
   *
   * @param tokens length of its prompt
   * @throws {ShimmyError} if it could not be queued now.
   */
  check(request: SequenceRequest, tokens: number): void {
    this.#queue.check(request.client);
    placeFor(tokens, true, request, this.#model, this.#cache.cellsUsed);
  }

  /** Changes an idle slot. See `Engine.changeSlot`. */
  changeSlot(change: SlotChange, native: Native): Promise<SlotChangeResult> {
    return this.#slots.change(change, native);
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
    this.#outputs.reportProgress(sequence);
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
    else if (sequence.stream !== null && sequence.room < 1) this.#growth.outgrow(sequence);
    return completionTokens;
  }

  /** Applies a control to a waiting or running sequence. Ignored for finished sequences. */
  control(id: number, control: Control): void {
    const sequence = this.#scheduler.find(id);
    if (sequence === undefined) return;
    let reason: FinishReason | null;
    try {
      reason = controlSequence(sequence, control);
    } catch (error) {
      return this.#fail(sequence, error, false);
    }
    if (reason !== null) this.#finish(sequence, reason);
  }

  /** Computes one decode or prefill batch and samples from it. */
  step(): void {
    const start = performance.now();
    if (this.#scheduler.waiting.length > 0) {
      this.#growth.enlarge();
      this.#scheduler.admit(start);
    }
    const { model, parts } = this.#current;
    const { msPerToken } = this.#prefillBudget;
    const selection = parts.policy.next(this.#scheduler.running, start, msPerToken);
    if (selection === null) return;
    if (!this.#applyAdapters(selection.sequences)) return;
    this.#batch = buildBatch(selection, {
      model,
      parts,
      prefillBudget: this.#prefillBudget,
      cache: this.#cache,
    }, start);
    const before = performance.now();
    const computed = this.#computation.decode(this.#batch);
    const native = performance.now() - before;
    this.#stats.nativeMs += native;
    if (computed) {
      const { batch, members } = this.#batch;
      for (const { tracer } of members) {
        tracer?.batch(batch.length, members.length, selection.isPrefill);
      }
      this.#recordTime(selection, native);
      if (selection.isPrefill) this.#makeCheckpoints();
      this.#outputs.sample(this.#batch.members);
    }
    this.#stats.steps++;
    const spent = performance.now() - start;
    this.#stats.stepMs += spent;
    parts.speculation.recordStep(this.#batch.members, selection.isPrefill, spent);
  }

  #recordTime({ isPrefill, riders }: BatchSelection<Sequence>, ms: number): void {
    if (isPrefill) {
      const promptTokens = this.#batch.batch.length - riders.length;
      this.#prefillBudget.record(promptTokens, ms, riders.length > 0);
    } else {
      this.#prefillBudget.recordDecode(ms);
      this.#current.parts.padding?.record(ms);
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

  #fail(sequence: Sequence, error: unknown, forget: boolean): void {
    this.#drop(sequence, forget);
    this.#emit(sequence.id, { type: "error", error: serializeError(error) });
  }

  /** Makes the planned checkpoints of the sequences in the batch. */
  #makeCheckpoints(): void {
    if (this.#model.canTruncate) return;
    for (const { stream } of this.#batch.members) this.#cache.makeCheckpoint(stream!);
  }

  /** The shape of the context. A new one is another object. */
  get shape(): ContextShape {
    return this.#model.shape;
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
    sequence.media.release();
    this.#model.adapters.release(sequence.adapters);
  }

  status(): LoopStatus {
    return {
      ...statusOf(this.#model, this.#scheduler, this.#cache, this.#stats),
      ...this.#stats.snapshot(this.#model.sampling.native.ms),
      ...this.#current.parts.speculation.status,
      queueLimit: this.#queue.limit,
      slots: this.#slots.status(this.#scheduler.running),
    };
  }

  /** Ends all waiting and running sequences, because the model is being unloaded. */
  close(): void {
    for (const sequence of [...this.#scheduler.running, ...this.#scheduler.waiting]) {
      this.stored.finished(sequence);
      this.#fail(sequence, unloadedError(), false);
    }
  }
}
