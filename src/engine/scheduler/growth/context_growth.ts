import type { PrefixCache } from "../../kv_cache/mod.ts";
import type { FinishReason } from "../../protocol/mod.ts";
import type { Slots } from "../../slots/mod.ts";
import type { StoredPrefixes } from "../../stored_prefixes/mod.ts";
import { tooLong } from "../create_sequence.ts";
import type { LargerContext } from "../generation.ts";
import { cacheOptions, memoryOf, partsFor } from "../loop_parts.ts";
import type { LoopStats } from "../loop_stats.ts";
import type { Scheduler } from "../scheduler.ts";
import type { Sequence } from "../sequence.ts";
import { shiftContext } from "../shift/shift_context.ts";
import type { CurrentContext } from "./current_context.ts";

/** What the growth of a context needs of its loop. */
export interface GrowingLoop {
  /** Gets the larger context. */
  readonly current: CurrentContext;
  readonly scheduler: Scheduler;
  readonly cache: PrefixCache;
  readonly stored: StoredPrefixes;
  readonly slots: Slots;
  readonly stats: LoopStats;
  readonly onNotice: (notice: string) => void;
  /** Ends a sequence. */
  readonly finish: (sequence: Sequence, reason: FinishReason) => void;
  /** Ends a sequence with an error. */
  readonly fail: (sequence: Sequence, error: unknown, forget: boolean) => void;
}

/** Decides how sequences go on that are longer than a stream: in a larger context, or by a context shift. */
export class ContextGrowth {
  readonly #loop: GrowingLoop;

  constructor(loop: GrowingLoop) {
    this.#loop = loop;
  }

  /** A sequence has filled its stream. */
  outgrow(sequence: Sequence): void {
    const { current: { model }, scheduler, finish } = this.#loop;
    const mayGrow = sequence.tokens.length < sequence.limits.length && !sequence.isShifted;
    if (mayGrow && this.#larger(sequence) !== null) scheduler.suspend(sequence);
    else if (model.contextShift && !sequence.hasMedia) this.#shift(sequence);
    else finish(sequence, "length");
  }

  /**
   * Creates a larger context for a waiting sequence that is longer than a stream, as soon as the running
   * sequences have ended.
   */
  enlarge(): void {
    const { current, scheduler, finish, fail } = this.#loop;
    const sequence = scheduler.tooLong;
    if (sequence === undefined) return;
    scheduler.suspendIdle();
    if (scheduler.running.length > 0) return;
    const { tokens } = sequence;
    const larger = this.#larger(sequence);
    try {
      if (larger !== null) return this.#replace(larger);
    } catch (error) {
      // The old context is closed too: without any, the model cannot go on.
      this.#replace({ shape: current.model.shape, stateBytes: 0, keepsStates: true });
      return fail(sequence, error, true);
    }
    // Memory has become short since the sequence was accepted.
    if (sequence.completionTokens > 0 && current.model.contextShift && !sequence.hasMedia) {
      sequence.capacity = current.model.sequenceLength;
      this.#shift(sequence);
    } else if (sequence.completionTokens > 0) finish(sequence, "length");
    else fail(sequence, tooLong(tokens.length, current.model.sequenceLength), true);
  }

  /** Shifts the context of a sequence; inserted tokens may need more than one shift. */
  #shift(sequence: Sequence): void {
    const { current: { model }, cache } = this.#loop;
    while (sequence.room < 1) shiftContext(sequence, model.context, cache);
  }

  #larger({ neededLength }: Sequence): LargerContext | null {
    const { current, cache } = this.#loop;
    return current.model.larger(neededLength, cache.cellsUsed);
  }

  #replace({ shape, stateBytes, keepsStates }: LargerContext): void {
    const { current, scheduler, cache, stored, stats, onNotice } = this.#loop;
    if (!keepsStates) cache.forgetStates();
    cache.move(keepsStates ? stateBytes : 0, () => {
      current.model = current.model.replace(shape);
      return { memory: memoryOf(current.model), options: cacheOptions(current.model) };
    });
    scheduler.streamLength = current.model.sequenceLength;
    current.parts = partsFor(current.model, onNotice, current.parts.speculation);
    stored.setContext(current.model);
    stats.replacements++;
    this.#failWithoutSlot();
    // The former context was too short for some of the states on disk.
    for (const sequence of scheduler.waiting) {
      if (!sequence.isRestoring && sequence.completionTokens === 0) stored.submitted(sequence);
    }
  }

  /** The new context may have fewer slots than a waiting request was accepted for. */
  #failWithoutSlot(): void {
    const { scheduler, cache, slots, fail } = this.#loop;
    for (const sequence of [...scheduler.waiting]) {
      const { slot } = sequence.request;
      if (slot === undefined || slot < cache.streams.length) continue;
      try {
        slots.find(slot);
      } catch (error) {
        fail(sequence, error, false);
      }
    }
  }
}
