import type { RestorableSequence } from "./disk_prefixes.ts";

/** A sequence that waits for a state, or has one. */
export interface Held {
  readonly ends: AbortController;
  /** The context that the state is for. */
  readonly identity: string;
  /** Bytes of its state, or that its state may have. */
  bytes: number;
}

/** The states that are being read for sequences, or are in the prefix cache for one sequence alone. */
export class HeldStates {
  readonly #budget: number;
  readonly #held = new Map<RestorableSequence, Held>();

  /** @param budget maximum bytes of all states; one state may be larger. */
  constructor(budget: number) {
    this.#budget = budget;
  }

  /** Maximum bytes of one more state; 0 if there is no room. */
  get room(): number {
    if (this.#held.size === 0) return Number.MAX_SAFE_INTEGER;
    const held = this.#held.values().reduce((sum, { bytes }) => sum + bytes, 0);
    return Math.max(0, this.#budget - held);
  }

  has(sequence: RestorableSequence): boolean {
    return this.#held.has(sequence);
  }

  /** A sequence waits from now on. */
  begin(sequence: RestorableSequence, identity: string): Held {
    const bytes = Math.min(this.room, this.#budget);
    const held = { ends: new AbortController(), identity, bytes };
    sequence.isRestoring = true;
    this.#held.set(sequence, held);
    return held;
  }

  /** A sequence needs its state no longer, or gets none. What it waits for ends. */
  release(sequence: RestorableSequence): void {
    const held = this.#held.get(sequence);
    if (held === undefined) return;
    this.#held.delete(sequence);
    sequence.isRestoring = false;
    held.ends.abort();
  }
}

/** @returns null if the search takes longer than `wait` milliseconds; then it is ended. */
export async function foundWithin<T>(
  wait: number,
  ends: AbortController,
  search: (signal: AbortSignal) => Promise<T | null>,
): Promise<T | null> {
  const timer = setTimeout(() => ends.abort(), wait);
  const late = new Promise<null>((resolve) =>
    ends.signal.addEventListener("abort", () => resolve(null), { once: true })
  );
  try {
    return await Promise.race([search(ends.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
