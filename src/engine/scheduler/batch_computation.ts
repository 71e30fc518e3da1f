import { messageOf, ShimmyError } from "../../errors.ts";
import { heldTokens, type PrefixCache } from "../kv_cache/mod.ts";
import { decodeBatch, MediaBatch } from "../media/mod.ts";
import { type FinishReason, unloadedError } from "../protocol/mod.ts";
import type { CurrentContext } from "./growth/current_context.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Sequence } from "./sequence.ts";
import type { StepBatch } from "./step_batch.ts";

/** What the computation of a batch changes. */
export interface ComputationMeans {
  readonly current: CurrentContext;
  readonly scheduler: Pick<Scheduler, "running" | "preempt">;
  readonly cache: Pick<PrefixCache, "completeCopies" | "evict">;
  readonly finish: (sequence: Sequence, reason: FinishReason) => void;
  /** @param forget whether the tokens of the sequence in the KV cache are unknown. */
  readonly fail: (sequence: Sequence, error: unknown, forget: boolean) => void;
}

/** Computes batches with libllama, and repairs the state of the sequences where that fails. */
export class BatchComputation {
  readonly #means: ComputationMeans;

  constructor(means: ComputationMeans) {
    this.#means = means;
  }

  /**
   * Computes a batch.
   * @returns whether it was computed; if not, its sequences are unchanged or have failed.
   */
  decode(step: StepBatch): boolean {
    const { current: { model }, cache } = this.#means;
    try {
      const outcome = decodeBatch(model.context, step.batch);
      // A GPU may still compute when the call returns; its time belongs to this batch.
      if (!model.isOnCpu) model.context.synchronize();
      cache.completeCopies();
      if (outcome === "done") return true;
      if (outcome === "full") this.#makeRoom(step);
      else this.#failBatch(step, unloadedError());
    } catch (error) {
      this.#failBatch(
        step,
        new ShimmyError("backend", "Generation failed in the backend", {
          detail: messageOf(error),
          cause: error,
        }),
      );
    } finally {
      for (const { id, tokens } of step.paddingStreams) {
        model.context.removeTokens(id, tokens.length, -1);
      }
    }
    return false;
  }

  /** The KV cache had no room for the batch: rolls the batch back and frees cells. */
  #makeRoom({ batch }: StepBatch): void {
    // Where rows share a position, the last one does not tell how many of them there are.
    if (batch instanceof MediaBatch) batch.undo();
    this.#rollBack();
    const { cache, scheduler, finish } = this.#means;
    if (cache.evict() || scheduler.preempt()) return;
    for (const sequence of scheduler.running) finish(sequence, "length");
  }

  /** Removes the tokens of the batch that did not get into the KV cache from the streams. */
  #rollBack(): void {
    const { current: { model }, scheduler } = this.#means;
    const { context, sharesPositions } = model;
    for (const { stream } of scheduler.running) {
      const { id, tokens } = stream!;
      const end = context.lastPosition(id) + 1;
      tokens.length = sharesPositions ? heldTokens(tokens, end) : Math.min(tokens.length, end);
    }
  }

  /** Fails every sequence of the batch. */
  #failBatch({ members }: StepBatch, error: ShimmyError): void {
    for (const sequence of members) this.#means.fail(sequence, error, true);
    this.#rollBack();
  }
}
