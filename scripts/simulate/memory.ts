import type { KvMemory } from "../../src/engine/kv_cache/cached_prefix.ts";
import type { BatchTimes } from "./timings.ts";

/**
 * KV memory that computes nothing: the prefix cache knows which tokens each stream holds. It counts the time that
 * copies of them take.
 */
export class SimulatedMemory implements KvMemory {
  readonly #tokensOf: (stream: number) => number;
  readonly #times: BatchTimes;
  #stateMs = 0;
  #copyMs = 0;

  /** @param tokensOf tokens that a stream holds */
  constructor(times: BatchTimes, tokensOf: (stream: number) => number) {
    this.#times = times;
    this.#tokensOf = tokensOf;
  }

  get streams(): number {
    return this.#times.parallel;
  }

  /**
   * Milliseconds since the last call: of states that were saved and restored, which happens at once, and of copies
   * between streams, which the next batch makes.
   */
  takeTimes(): { readonly stateMs: number; readonly copyMs: number } {
    const times = { stateMs: this.#stateMs, copyMs: this.#copyMs };
    this.#stateMs = 0;
    this.#copyMs = 0;
    return times;
  }

  stateBytes(stream: number): number {
    return this.#tokensOf(stream) * this.#times.kvBytes;
  }

  removeTokens(): boolean {
    return true;
  }

  /** libllama copies the whole stream, whatever it holds (`llama_kv_cache::seq_cp`). */
  copySequence(): void {
    this.#copyMs += this.#times.copyMs;
  }

  /** A state of which only the length counts: its bytes would fill this machine's memory. */
  saveSequence(stream: number): Uint8Array<ArrayBuffer> {
    this.#stateMs += this.#tokensOf(stream) * this.#times.saveMs;
    return { length: this.stateBytes(stream) } as Uint8Array<ArrayBuffer>;
  }

  restoreSequence(_stream: number, state: Uint8Array): boolean {
    this.#stateMs += state.length / this.#times.kvBytes * this.#times.restoreMs;
    return true;
  }

  /** Recurrent models and sliding windows, which need checkpoints, are not simulated. */
  saveCheckpoint(): never {
    throw new Error("A simulated replica has no checkpoints");
  }

  restoreCheckpoint(): boolean {
    return false;
  }

  firstPosition(): number {
    return 0;
  }
}
