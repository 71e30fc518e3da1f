import type { EngineStatus } from "../protocol/mod.ts";
import type { Sequence } from "./sequence.ts";

/** Counters of a loop. */
export class LoopStats {
  steps = 0;
  /** Milliseconds in native decoding, and in whole steps. */
  nativeMs = 0;
  stepMs = 0;
  #promptTokens = 0;
  #cachedTokens = 0;
  #completionTokens = 0;

  /** Adds a finished sequence. */
  add({ promptLength, cachedTokens, completionTokens }: Sequence): void {
    this.#promptTokens += promptLength;
    this.#cachedTokens += cachedTokens;
    this.#completionTokens += completionTokens;
  }

  /** The counters as reported in the engine status. */
  snapshot(): Pick<
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
      nativeMs: this.nativeMs,
      stepMs: this.stepMs,
    };
  }
}
