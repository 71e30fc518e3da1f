import type { PrefixCache } from "../kv_cache/mod.ts";
import type { EngineStatus } from "../protocol/mod.ts";
import type { GenerationContext } from "./generation.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Sequence } from "./sequence.ts";

/** Counters of a loop. */
export class LoopStats {
  steps = 0;
  /** Milliseconds in native decoding, and in whole steps. */
  nativeMs = 0;
  stepMs = 0;
  /** Contexts that replaced another one. */
  replacements = 0;
  #promptTokens = 0;
  #cachedTokens = 0;
  #completionTokens = 0;

  /** Adds a finished sequence. */
  add({ promptLength, cachedTokens, completionTokens }: Sequence): void {
    this.#promptTokens += promptLength;
    this.#cachedTokens += cachedTokens;
    this.#completionTokens += completionTokens;
  }

  /**
   * The counters as reported in the engine status.
   * @param samplingMs milliseconds in native samplers
   */
  snapshot(samplingMs: number): Pick<
    EngineStatus,
    | "promptTokens"
    | "cachedTokens"
    | "completionTokens"
    | "steps"
    | "nativeMs"
    | "stepMs"
  > {
    return {
      promptTokens: this.#promptTokens,
      cachedTokens: this.#cachedTokens,
      completionTokens: this.#completionTokens,
      steps: this.steps,
      nativeMs: this.nativeMs + samplingMs,
      stepMs: this.stepMs,
    };
  }
}

/** The part of the engine status that tells of the sequences and their context. */
export function statusOf(
  { context, shape, diskCache, sharedStates, memoryKind }: GenerationContext,
  { running, waiting, preemptions, tooLong }: Scheduler,
  { cellsUsed, evictions, hostMemory }: PrefixCache,
  { replacements }: LoopStats,
) {
  return {
    diskCache: diskCache?.status ?? null,
    sharedCache: sharedStates?.status ?? null,
    running: running.length,
    prefilling: running.filter((sequence) => sequence.isPrefilling).length,
    queued: waiting.length,
    // Sequences may share cells of one buffer.
    cellsUsed: Math.min(cellsUsed, context.contextLength),
    cellsTotal: context.contextLength,
    evictions,
    memoryKind,
    checkpoints: hostMemory.checkpoints,
    savedBytes: hostMemory.bytes,
    preemptions,
    context: { ...shape, replacements, waiting: tooLong?.tokens.length ?? null },
  };
}
