import {
  type CachedPrefix,
  type Holder,
  isStream,
  type KvMemory,
  type KvStream,
  type PrefixCacheOptions,
  usablePrefix,
} from "./cached_prefix.ts";
import type { PrefixIndex } from "./prefix_index.ts";

/** Copying a stream for fewer tokens costs more than recomputing them. */
export const MIN_COPIED_TOKENS = 32;

/** The context that a prefix cache is for. */
export interface CachedContext {
  readonly memory: KvMemory;
  readonly options: PrefixCacheOptions;
  readonly streams: readonly KvStream[];
}

/** Finds holders of cached prefixes, and how a stream gets a prefix from them. Changes nothing. */
export class PrefixSearch {
  readonly #index: PrefixIndex;
  readonly #parts: () => CachedContext;

  /** @param parts the current context, which may be replaced. */
  constructor(index: PrefixIndex, parts: () => CachedContext) {
    this.#index = index;
    this.#parts = parts;
  }

  /** The longest usable prefix and its holder. */
  best(tokens: readonly number[], scope: string, slot?: number): CachedPrefix | null {
    let best: CachedPrefix | null = null;
    for (const match of this.#index.matches(scope, tokens)) {
      if (best !== null && match.length <= best.length) break;
      const limit = Math.min(match.length, match.holder.tokens.length, tokens.length - 1);
      const byState = !isStream(match.holder) ||
        (this.copiesByState && !this.isReusableInPlace(match.holder, limit, slot));
      const known = this.#usable(match.holder, limit, byState);
      const { holder, length } = known;
      if (length === 0 || length <= (best?.length ?? 0)) continue;
      if (length < MIN_COPIED_TOKENS && !this.#isCheap(holder, length, slot)) continue;
      best = known;
    }
    return best;
  }

  /**
   * In a unified buffer a copied sequence shares cells with its source, and a cell has one
   * position. If positions may be shifted, the copy needs its own cells.
   */
  get copiesByState(): boolean {
    const { canTruncate, sharedCells, mayShiftPositions } = this.#parts().options;
    // A copy takes place at the next decode and would overwrite a restored checkpoint.
    return !canTruncate || (sharedCells !== null && mayShiftPositions);
  }

  /**
   * Whether a stream may be reused in place, which discards its tokens beyond the prefix: if these
   * are few, or if no other stream is free (then they are saved first).
   */
  isReusableInPlace(holder: Holder, length: number, slot?: number): boolean {
    if (!isStream(holder) || holder.busy) return false;
    if (slot !== undefined) return holder.id === slot;
    if (this.keepsMost(holder, length)) return true;
    return this.#parts().streams.every((other) => other === holder || other.busy);
  }

  keepsMost(holder: Holder, length: number): boolean {
    return length * 2 >= holder.tokens.length;
  }

  /**
   * Whether reusing a short prefix is cheap: in place, or from a state that holds few other tokens.
   */
  #isCheap(holder: Holder, length: number, slot?: number): boolean {
    return isStream(holder)
      ? this.isReusableInPlace(holder, length, slot)
      : length * 2 >= holder.tokens.length;
  }

  /** Whether another holder has all tokens of this stream. */
  isHeldElsewhere(stream: KvStream): boolean {
    return this.#othersWith(stream).some((holder) => holder.tokens.length >= stream.tokens.length);
  }

  /** Whether another holder has all tokens of this one and more. */
  isHeldLonger(one: Holder): boolean {
    return this.#othersWith(one).some((holder) => holder.tokens.length > one.tokens.length);
  }

  /** Other holders that can provide all tokens of this one. */
  #othersWith(one: Holder): Holder[] {
    const wanted = one.tokens.length;
    const others: Holder[] = [];
    for (const { holder, length } of this.#index.matches(one.scope, one.tokens)) {
      if (length < wanted) break;
      if (holder === one || holder.tokens.length < wanted) continue;
      const byState = !isStream(holder) || this.copiesByState;
      const usable = this.#usable(holder, wanted, byState);
      if (usable.length === wanted) others.push(holder);
    }
    return others;
  }

  #usable(holder: Holder, limit: number, byState: boolean): CachedPrefix {
    const { memory, options } = this.#parts();
    return usablePrefix(holder, limit, byState, memory, options);
  }
}
