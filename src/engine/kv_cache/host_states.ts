import type { Checkpoint } from "./checkpoints.ts";

/** State of a sequence in host memory. */
export interface SavedState {
  readonly state: Uint8Array<ArrayBuffer>;
  readonly tokens: readonly number[];
  readonly scope: string;
  /** Checkpoints of these tokens, by ascending position. */
  checkpoints: Checkpoint[];
  lastUsed: number;
  /** Set when libllama did not accept the state. */
  isRefused?: boolean;
}

/** Saved states and checkpoints in host memory, bounded in bytes; the least recently used are evicted first. */
export class HostStates {
  readonly #limit: number;
  readonly #onDrop: (dropped: SavedState | Checkpoint) => void;
  readonly #saved = new Set<SavedState>();
  readonly #checkpoints = new Set<Checkpoint>();
  #bytes = 0;

  /**
   * @param limit bytes
   * @param onDrop called with every state or checkpoint that is evicted.
   */
  constructor(limit: number, onDrop: (dropped: SavedState | Checkpoint) => void) {
    this.#limit = limit;
    this.#onDrop = onDrop;
  }

  /** Bytes of all states and checkpoints. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of checkpoints. */
  get checkpoints(): number {
    return this.#checkpoints.size;
  }

  /** Whether a state of this size can be stored. */
  mayKeep(bytes: number): boolean {
    return bytes > 0 && bytes <= this.#limit;
  }

  add(saved: SavedState): void {
    this.#makeRoom(saved.state.length);
    this.#saved.add(saved);
    this.#bytes += saved.state.length;
  }

  addCheckpoint(checkpoint: Checkpoint): void {
    this.#makeRoom(checkpoint.state.length);
    this.#checkpoints.add(checkpoint);
    this.#bytes += checkpoint.state.length;
  }

  remove(one: SavedState | Checkpoint): boolean {
    const removed = "position" in one ? this.#checkpoints.delete(one) : this.#saved.delete(one);
    if (removed) this.#bytes -= one.state.length;
    return removed;
  }

  #makeRoom(bytes: number): void {
    while (this.#bytes > 0 && this.#bytes + bytes > this.#limit) {
      let oldest: SavedState | Checkpoint | null = null;
      for (const one of [...this.#saved, ...this.#checkpoints]) {
        if (oldest === null || one.lastUsed < oldest.lastUsed) oldest = one;
      }
      if (oldest === null) return;
      this.remove(oldest);
      this.#onDrop(oldest);
    }
  }
}
