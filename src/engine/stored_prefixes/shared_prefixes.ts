import type { PrefixCache } from "../kv_cache/mod.ts";
import type { ScopedState } from "../disk_cache/mod.ts";
import type { SharedStates } from "../shared_states/mod.ts";
import type { RestorableSequence } from "./disk_prefixes.ts";

/** The parts of the shared states that reading needs. */
export type SharedReader = Pick<
  SharedStates,
  "minTokens" | "identity" | "patience" | "find" | "refuse"
>;

export interface SharedPrefixesOptions {
  /** Maximum bytes of states that are read and not yet in a stream; one state may be larger. */
  readonly budget: number;
  /** Milliseconds to compute a token of a prompt; 0 if not known. */
  readonly msPerToken: () => number;
  /** Tokens of a prompt that another source has, such as the disk. */
  readonly alsoKnown: (sequence: RestorableSequence) => number;
  /** Asks the next source for a sequence that gets nothing here. */
  readonly otherwise: (sequence: RestorableSequence) => void;
  /** Called when a sequence can be admitted. */
  readonly onReady: () => void;
}

/** A sequence that waits for a state, or has one. */
interface Held {
  readonly ends: AbortController;
  readonly identity: string;
  /** Bytes of its state, or that its state may have. */
  bytes: number;
}

/** Reads the prefixes of waiting sequences from the states that servers share, where that saves time. */
export class SharedPrefixes {
  readonly #shared: SharedReader;
  readonly #cache: PrefixCache;
  readonly #options: SharedPrefixesOptions;
  readonly #held = new Map<RestorableSequence, Held>();

  constructor(shared: SharedReader, cache: PrefixCache, options: SharedPrefixesOptions) {
    this.#shared = shared;
    this.#cache = cache;
    this.#options = options;
  }

  /** Begins to look for the longest prefix of a new sequence, if others may have more of it. */
  begin(sequence: RestorableSequence): void {
    const { tokens, scope } = sequence;
    const { alsoKnown, otherwise, msPerToken } = this.#options;
    // At least one token is left to compute.
    const limit = tokens.length - 1;
    const known = Math.max(this.#cache.cachedLength(tokens, scope), alsoKnown(sequence));
    const mostBytes = this.#room();
    const wait = limit < known + this.#shared.minTokens || mostBytes === 0 ||
        this.#cache.isBeingComputed(tokens, scope)
      ? 0
      : this.#shared.patience(limit - known, msPerToken());
    if (wait === 0) return otherwise(sequence);
    sequence.isRestoring = true;
    const held = {
      ends: new AbortController(),
      identity: this.#shared.identity,
      bytes: Math.min(mostBytes, this.#options.budget),
    };
    this.#held.set(sequence, held);
    const prompt = { tokens, scope, limit, known, msPerToken: msPerToken(), mostBytes };
    void this.#restore(sequence, held, this.#find(prompt, held.ends, wait));
  }

  /** Maximum bytes of one more state; 0 if there is no room. */
  #room(): number {
    if (this.#held.size === 0) return Number.MAX_SAFE_INTEGER;
    const held = this.#held.values().reduce((sum, { bytes }) => sum + bytes, 0);
    return Math.max(0, this.#options.budget - held);
  }

  /** @returns null if there is no state, or if that takes longer than `wait` milliseconds. */
  async #find(
    prompt: Parameters<SharedReader["find"]>[0],
    ends: AbortController,
    wait: number,
  ): Promise<ScopedState | null> {
    const timer = setTimeout(() => ends.abort(), wait);
    const late = new Promise<null>((resolve) =>
      ends.signal.addEventListener("abort", () => resolve(null), { once: true })
    );
    try {
      return await Promise.race([this.#shared.find(prompt, ends.signal), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #restore(
    sequence: RestorableSequence,
    held: Held,
    finding: Promise<ScopedState | null>,
  ): Promise<void> {
    const stored = await finding;
    // The sequence may have ended meanwhile.
    if (!sequence.isRestoring) return;
    sequence.isRestoring = false;
    // The context may have been replaced meanwhile.
    if (stored !== null && held.identity === this.#shared.identity) {
      held.bytes = stored.state.length;
      sequence.inserted = this.#cache.insertState(stored);
    }
    if (sequence.inserted === null) {
      this.#held.delete(sequence);
      this.#options.otherwise(sequence);
    }
    if (!sequence.isRestoring) this.#options.onReady();
  }

  /** Call when a sequence has its stream: libllama may have refused the state. */
  checkUse(sequence: RestorableSequence): void {
    if (this.#held.has(sequence) && sequence.inserted?.isRefused) this.#shared.refuse();
  }

  /** Call when a sequence needs its inserted state no longer. */
  release(sequence: RestorableSequence): void {
    const held = this.#held.get(sequence);
    if (held === undefined) return;
    this.#held.delete(sequence);
    sequence.isRestoring = false;
    held.ends.abort();
  }
}
