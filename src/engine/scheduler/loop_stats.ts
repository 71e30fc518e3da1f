import type { EngineStatus } from "../protocol/mod.ts";
import type { Sequence } from "./sequence.ts";

/** What a loop has done since it began. */
export class LoopStats {
  steps = 0;
  /** Milliseconds in native decoding, and in whole steps. */
  nativeMs = 0;
  stepMs = 0;
  #promptTokens = 0;
  #cachedTokens = 0;
  #completionTokens = 0;

  /** A sequence is done. */
  add({ promptLength, cachedTokens, completionTokens }: Sequence): void {
    this.#promptTokens += promptLength;
    this.#cachedTokens += cachedTokens;
    this.#completionTokens += completionTokens;
  }

  /** The counts as the engine tells them. */
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
