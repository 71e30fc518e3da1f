import type { KvMemory } from "../../src/engine/kv_cache/cached_prefix.ts";

/** KV memory that computes nothing: the prefix cache knows which tokens each stream holds. */
export class SimulatedMemory implements KvMemory {
  readonly #tokensOf: (stream: number) => number;
  readonly #bytesPerToken: number;

  /**
   * @param tokensOf tokens that a stream holds
   * @param bytesPerToken of its state
   */
  constructor(
    readonly streams: number,
    tokensOf: (stream: number) => number,
    bytesPerToken: number,
  ) {
    this.#tokensOf = tokensOf;
    this.#bytesPerToken = bytesPerToken;
  }

  stateBytes(stream: number): number {
    return this.#tokensOf(stream) * this.#bytesPerToken;
  }

  removeTokens(): boolean {
    return true;
  }

  copySequence(): void {}

  /** A state of which only the length counts: its bytes would fill this machine's memory. */
  saveSequence(stream: number): Uint8Array<ArrayBuffer> {
    return { length: this.stateBytes(stream) } as Uint8Array<ArrayBuffer>;
  }

  restoreSequence(): boolean {
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
