import type { PrefixCache } from "../kv_cache/mod.ts";
import type { ScopedState } from "../disk_cache/mod.ts";
import type { SharedStates } from "../shared_states/mod.ts";
import type { RestorableSequence } from "./disk_prefixes.ts";
import { foundWithin, type Held, type HeldStates } from "./held_states.ts";

/** The parts of the shared states that reading needs. */
export type SharedReader = Pick<
  SharedStates,
  "minTokens" | "identity" | "patience" | "find" | "refuse"
>;

export interface SharedPrefixesOptions {
  /** The states that are read and not yet in a stream. */
  readonly held: HeldStates;
  /** Milliseconds to compute a token of a prompt; 0 if not known. */
  readonly msPerToken: () => number;
  /** Tokens of a prompt that another source has, such as the disk. */
  readonly alsoKnown: (sequence: RestorableSequence) => number;
  /** Asks the next source for a sequence that gets nothing here. */
  readonly otherwise: (sequence: RestorableSequence) => void;
  /** Called when a sequence can be admitted. */
  readonly onReady: () => void;
}

/** Reads the prefixes of waiting sequences from the states that servers share, where that saves time. */
export class SharedPrefixes {
  readonly #shared: SharedReader;
  readonly #cache: PrefixCache;
  readonly #options: SharedPrefixesOptions;

  constructor(shared: SharedReader, cache: PrefixCache, options: SharedPrefixesOptions) {
    this.#shared = shared;
    this.#cache = cache;
    this.#options = options;
  }

  /** Begins to look for the longest prefix of a new sequence, if others may have more of it. */
  begin(sequence: RestorableSequence): void {
    const { tokens, scope } = sequence;
    const { held, alsoKnown, otherwise, msPerToken } = this.#options;
    // At least one token is left to compute.
    const limit = tokens.length - 1;
    const known = Math.max(this.#cache.cachedLength(tokens, scope), alsoKnown(sequence));
    const mostBytes = held.room;
    const wait = limit < known + this.#shared.minTokens || mostBytes === 0 ||
        this.#cache.isBeingComputed(tokens, scope)
      ? 0
      : this.#shared.patience(limit - known, msPerToken());
    if (wait === 0) return otherwise(sequence);
    const own = held.begin(sequence, this.#shared.identity);
    const prompt = { tokens, scope, limit, known, msPerToken: msPerToken(), mostBytes };
    const finding = foundWithin(wait, own.ends, (signal) => this.#shared.find(prompt, signal));
    void this.#restore(sequence, own, finding);
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
      this.#options.held.release(sequence);
      this.#options.otherwise(sequence);
    }
    if (!sequence.isRestoring) this.#options.onReady();
  }

  /** Call when a sequence has its stream: libllama may have refused the state. */
  checkUse(sequence: RestorableSequence): void {
    if (this.#options.held.has(sequence) && sequence.inserted?.isRefused) this.#shared.refuse();
  }
}
