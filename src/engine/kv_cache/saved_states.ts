import type { Holder, KvStream } from "./cached_prefix.ts";
import type { Checkpoint } from "./checkpoints.ts";
import { HostStates, type SavedState } from "./host_states.ts";
import type { PrefixIndex } from "./prefix_index.ts";

/** Separates the own scope of a shifted stream: no later request can use its state. */
export const ISOLATED = "\0";

export interface SavedStatesOptions {
  /** Maximum bytes in host memory. */
  readonly limit: number;
  readonly index: PrefixIndex;
  readonly streams: () => readonly KvStream[];
  /** Receives states that host memory does not hold. */
  readonly spill: ((state: SavedState) => void) | undefined;
  /** Called for each evicted state and checkpoint. */
  readonly onEvict: () => void;
}

/** Saved states and checkpoints of the prefix cache in host memory, and their places in its index. */
export class SavedStates {
  readonly #options: SavedStatesOptions;
  readonly #host: HostStates;
  readonly #saved = new Set<SavedState>();
  /** A state for one sequence that is larger than host memory may hold. */
  #oversized: SavedState | null = null;

  constructor(options: SavedStatesOptions) {
    this.#options = options;
    this.#host = new HostStates(options.limit, (dropped) => this.#dropped(dropped));
  }

  /** Number of checkpoints, and bytes of checkpoints and saved states. */
  get memory(): { readonly checkpoints: number; readonly bytes: number } {
    return { checkpoints: this.#host.checkpoints, bytes: this.#host.bytes };
  }

  /** Whether states are kept at all, here or elsewhere. */
  get isUsed(): boolean {
    return this.#options.limit > 0 || this.#options.spill !== undefined;
  }

  /** All holders of checkpoints. */
  get holders(): readonly Holder[] {
    return [...this.#options.streams(), ...this.#saved];
  }

  /** Keeps a state, or passes it on if it is larger than host memory may hold. */
  add(saved: SavedState): void {
    if (this.#host.mayKeep(saved.state.length)) this.#insert(saved);
    else this.#spill(saved);
  }

  /**
   * Keeps a state for one sequence until it is removed. One such state may be larger than host memory may hold.
   * @returns whether it is kept.
   */
  addForOne(saved: SavedState): boolean {
    if (!this.#host.mayKeep(saved.state.length)) {
      if (this.#oversized !== null) return false;
      this.#oversized = saved;
    }
    this.#insert(saved);
    return true;
  }

  #insert(saved: SavedState): void {
    // Making room may evict checkpoints of this state.
    this.#saved.add(saved);
    if (saved !== this.#oversized) this.#host.add(saved);
    this.#options.index.set(saved, saved.tokens);
  }

  /** Removes a state, if it is still there. */
  remove(saved: SavedState): void {
    if (this.#host.remove(saved) || saved === this.#oversized) this.#forget(saved);
  }

  /**
   * Whether a checkpoint of these bytes fits beside a state and its other checkpoints: otherwise it would evict
   * them.
   */
  mayAdd({ state, checkpoints }: SavedState, bytes: number): boolean {
    const own = checkpoints.reduce((sum, one) => sum + one.state.length, bytes);
    return own + (this.#oversized?.state === state ? 0 : state.length) <= this.#options.limit;
  }

  addCheckpoint(holder: Holder, checkpoint: Checkpoint): void {
    if (!this.#host.mayKeep(checkpoint.state.length)) return;
    this.#host.addCheckpoint(checkpoint);
    holder.checkpoints = [...holder.checkpoints, checkpoint]
      .sort((a, b) => a.position - b.position);
  }

  /** Sets the checkpoints of a holder. Checkpoints without a holder are removed. */
  setCheckpoints(holder: Holder, checkpoints: Checkpoint[]): void {
    const before = holder.checkpoints;
    holder.checkpoints = checkpoints;
    for (const checkpoint of before) {
      if (!this.holders.some((one) => one.checkpoints.includes(checkpoint))) {
        this.#host.remove(checkpoint);
      }
    }
  }

  /** A state or checkpoint was evicted from host memory. */
  #dropped(dropped: SavedState | Checkpoint): void {
    this.#options.onEvict();
    if ("position" in dropped) {
      for (const holder of this.holders) {
        holder.checkpoints = holder.checkpoints.filter((one) => one !== dropped);
      }
      return;
    }
    this.#spill(dropped);
    this.#forget(dropped);
  }

  #forget(saved: SavedState): void {
    if (saved === this.#oversized) this.#oversized = null;
    this.#saved.delete(saved);
    this.setCheckpoints(saved, []);
    this.#options.index.delete(saved);
  }

  #spill(saved: SavedState): void {
    if (!saved.scope.includes(ISOLATED)) this.#options.spill?.(saved);
  }
}
