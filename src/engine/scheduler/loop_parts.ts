import { Batch } from "../../../ffi/mod.ts";
import { portableMemory, timedMemory } from "../kv_cache/mod.ts";
import { DraftUndo, Speculation } from "../speculation/mod.ts";
import { BatchPolicy } from "./batch_policy.ts";
import type { GenerationContext } from "./generation.ts";
import { PaddingRows } from "./padding_rows.ts";

/** What a loop creates for each context. */
export interface LoopParts {
  readonly batch: Batch;
  readonly policy: BatchPolicy;
  readonly speculation: Speculation;
  readonly undo: DraftUndo;
  /** Null if padding rows cannot help. */
  readonly padding: PaddingRows | null;
}

/**
 * @param onNotice receives fallbacks while the model runs.
 * @param former its counters go on.
 */
export function partsFor(
  model: GenerationContext,
  onNotice: (notice: string) => void,
  former?: Speculation,
): LoopParts {
  return {
    batch: new Batch(model.context.batchSize),
    policy: new BatchPolicy(model.kvUnified && !model.isOnCpu),
    speculation: new Speculation(model.draft, model, onNotice, former),
    undo: new DraftUndo(memoryOf(model), model.isRecurrent),
    padding: model.isOnCpu && model.canTruncate && !model.kvUnified
      ? new PaddingRows(model.sequenceLength)
      : null,
  };
}

/** The KV memory of a model, which counts its time as native. Its states fit any number of streams. */
export function memoryOf({ context, stateParts, sampling }: GenerationContext) {
  return timedMemory(portableMemory(context, stateParts), sampling.native);
}

/** Options of the prefix cache of a model. */
export function cacheOptions(model: GenerationContext) {
  return {
    streams: model.parallel,
    canTruncate: model.canTruncate,
    window: model.window,
    savedBytes: model.savedBytes,
    sharedCells: model.kvUnified ? model.context.contextLength : null,
    mayShiftPositions: model.contextShift,
    sharesPositions: model.sharesPositions,
  };
}
