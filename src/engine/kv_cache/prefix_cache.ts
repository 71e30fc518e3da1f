import type { Context } from "../../../ffi/mod.ts";
import { type PrefixMatch, RadixTree } from "./radix_tree.ts";

/** A stream of the KV cache: the cells of one sequence. */
export interface KvStream {
  /** Sequence id in libllama. */
  readonly id: number;
  /** Tokens in the KV cache, from position 0. */
  readonly tokens: number[];
  /** Scope of the tokens: see {@linkcode PrefixCache.acquire}. */
  scope: string;
  busy: boolean;
  lastUsed: number;
}

/** State of a sequence in host memory. */
interface SavedState {
  readonly state: Uint8Array<ArrayBuffer>;
  readonly tokens: readonly number[];
  readonly scope: string;
  lastUsed: number;
}

type Holder = KvStream | SavedState;

const isStream = (holder: Holder): holder is KvStream => "busy" in holder;

/** The parts of a context that the cache uses. */
export type KvMemory = Pick<
  Context,
  "removeTokens" | "copySequence" | "saveSequence" | "restoreSequence"
>;

export interface PrefixCacheOptions {
  readonly streams: number;
  /**
   * Whether the end of a sequence can be removed from the KV cache. Recurrent models do not support
   * it.
   */
  readonly canTruncate: boolean;
  /** Maximum bytes of saved states in host memory. */
  readonly savedBytes: number;
  /** Cells shared by all streams; null if each stream has its own cells. */
  readonly sharedCells: number | null;
  /** Whether positions of a running sequence may be shifted. */
  readonly mayShiftPositions: boolean;
}

/** Saving fewer tokens to host memory costs more than recomputing them. */
const MIN_SAVED_TOKENS = 64;
/** Copying a stream for fewer tokens costs more than recomputing them. */
const MIN_COPIED_TOKENS = 32;

/**
 * Assigns KV cache streams to sequences and reuses computed prefixes. A finished sequence leaves
 * its tokens in its stream until another sequence needs the stream; then the state is saved to host
 * memory. A new sequence reuses the longest cached prefix, also that of a running sequence.
 */
export class PrefixCache {
  readonly #memory: KvMemory;
  readonly #options: PrefixCacheOptions;
  readonly #streams: readonly KvStream[];
  /** One radix tree per scope. */
  readonly #trees = new Map<string, RadixTree<Holder>>();
  readonly #saved = new Set<SavedState>();
  #savedBytes = 0;
  #evictions = 0;
  #clock = 0;
  /**
   * Streams whose cells are copied or shifted at the next decode. Until then their states must not
   * be saved or restored.
   */
  readonly #pendingCopies = new Set<KvStream>();

  constructor(memory: KvMemory, options: PrefixCacheOptions) {
    this.#memory = memory;
    this.#options = options;
    this.#streams = Array.from(
      { length: options.streams },
      (_, id) => ({ id, tokens: [], scope: "", busy: false, lastUsed: 0 }),
    );
  }

  #matches(scope: string, tokens: readonly number[]): Iterable<PrefixMatch<Holder>> {
    return this.#trees.get(scope)?.matches(tokens) ?? [];
  }

  #tree(scope: string): RadixTree<Holder> {
    const known = this.#trees.get(scope);
    if (known !== undefined) return known;
    const tree = new RadixTree<Holder>();
    this.#trees.set(scope, tree);
    return tree;
  }

  /** Number of tokens in all streams. */
  get cellsUsed(): number {
    return this.#streams.reduce((sum, stream) => sum + stream.tokens.length, 0);
  }

  /** Number of streams and saved states that were evicted. */
  get evictions(): number {
    return this.#evictions;
  }

  /** Streams without a running sequence, with or without cached tokens. */
  get idleStreams(): readonly KvStream[] {
    return this.#streams.filter((stream) => !stream.busy);
  }

  get hasFreeStream(): boolean {
    return this.#streams.some((stream) => !stream.busy);
  }

  /** Whether a running sequence is computing a prefix of these tokens that is worth waiting for. */
  isBeingComputed(tokens: readonly number[], scope = ""): boolean {
    if (!this.#options.canTruncate) return false;
    const known = this.#best(tokens, scope)?.length ?? 0;
    for (const { holder, length } of this.#matches(scope, tokens)) {
      if (!isStream(holder) || !holder.busy) continue;
      const wanted = Math.min(length, tokens.length - 1);
      return wanted > holder.tokens.length && wanted >= known + MIN_COPIED_TOKENS;
    }
    return false;
  }

  /**
   * Acquires a stream that holds the longest cached prefix of a prompt; `stream.tokens.length` is
   * its length. At least one token is left to compute.
   *
   * @param scope what the tokens are computed with besides the model, such as adapters. Prefixes
   * are not shared between scopes.
   * @returns null if no stream, or not enough cells for the prefix, are free.
   */
  acquire(tokens: readonly number[], useCache: boolean, scope = ""): KvStream | null {
    const best = useCache ? this.#best(tokens, scope) : null;
    const stream = best === null ? this.#acquireEmpty(null) : this.#reuse(best.holder, best.length);
    if (stream === null) return null;
    stream.busy = true;
    stream.lastUsed = ++this.#clock;
    stream.scope = scope;
    this.#tree(scope).set(stream, tokens);
    return stream;
  }

  /** Releases the stream of a finished sequence. Its tokens stay cached, unless `forget`. */
  release(stream: KvStream, forget: boolean): void {
    stream.busy = false;
    stream.lastUsed = ++this.#clock;
    if (forget) this.#clear(stream);
    else this.#tree(stream.scope).set(stream, [...stream.tokens]);
  }

  /** Saves the state of a preempted sequence to host memory and releases its stream. */
  swapOut(stream: KvStream): void {
    this.#save(stream, 1);
    this.release(stream, true);
  }

  /** Inserts a saved state, unless its tokens are already cached. */
  insertState(tokens: readonly number[], state: Uint8Array<ArrayBuffer>, scope = ""): void {
    for (const { holder, length } of this.#matches(scope, tokens)) {
      if (length < tokens.length) break;
      if (holder.tokens.length >= tokens.length) return;
    }
    this.#insertSaved({ state, tokens, scope, lastUsed: ++this.#clock });
  }

  /**
   * Gives a running stream its own scope. Call after shifting its positions: its state no longer
   * equals the state that computing its tokens would give.
   * @returns the new scope.
   */
  isolate(stream: KvStream): string {
    this.#removeFromIndex(stream);
    this.#pendingCopies.add(stream);
    return stream.scope = `${stream.scope}\0${++this.#clock}`;
  }

  /** Call after a decode, which completes copies and shifts. */
  completeCopies(): void {
    this.#pendingCopies.clear();
  }

  /**
   * Evicts the least recently used idle stream.
   * @returns false if there is none.
   */
  evict(): boolean {
    const idle = this.#streams.filter((stream) => !stream.busy && stream.tokens.length > 0);
    if (idle.length === 0) return false;
    this.#evictions++;
    this.#clear(idle.reduce((a, b) => a.lastUsed <= b.lastUsed ? a : b));
    return true;
  }

  /** The holder of the longest usable prefix. */
  #best(tokens: readonly number[], scope: string): { holder: Holder; length: number } | null {
    let best: { holder: Holder; length: number } | null = null;
    for (const match of this.#matches(scope, tokens)) {
      if (best !== null && match.length <= best.length) break;
      const length = Math.min(match.length, match.holder.tokens.length, tokens.length - 1);
      const { holder } = match;
      if (length === 0 || length <= (best?.length ?? 0)) continue;
      if (!this.#options.canTruncate && (length < holder.tokens.length || isBusy(holder))) continue;
      if (length < MIN_COPIED_TOKENS && !this.#isCheap(holder, length)) continue;
      best = { holder, length };
    }
    return best;
  }

  /** Provides a stream with the first `length` tokens of a holder. */
  #reuse(holder: Holder, length: number): KvStream | null {
    if (isStream(holder) && this.#isReusableInPlace(holder, length)) {
      if (!this.#keepsMost(holder, length)) this.#save(holder);
      return this.#truncate(holder, length);
    }
    const target = this.#acquireEmpty(holder);
    if (target === null) return null;
    if (isStream(holder) && !this.#copiesByState) {
      this.#memory.copySequence(holder.id, target.id);
      this.#pendingCopies.add(holder).add(target);
      target.tokens.push(...holder.tokens);
    } else {
      if (this.#pendingCopies.has(target)) return target;
      // Freeing cells may evict the holder.
      const held = [...holder.tokens];
      const state = isStream(holder) ? this.#memory.saveSequence(holder.id) : holder.state;
      if (!this.#freeCells(held.length)) return null;
      if (!this.#memory.restoreSequence(target.id, state)) {
        // libllama keeps the cells of a partly restored state.
        this.#memory.removeTokens(target.id, -1, -1);
        if (!isStream(holder)) this.#discard(holder);
        return target;
      }
      holder.lastUsed = ++this.#clock;
      target.tokens.push(...held);
    }
    return this.#truncate(target, length);
  }

  /**
   * In a unified buffer a copied sequence shares cells with its source, and a cell has one
   * position. If positions may be shifted, the copy needs its own cells.
   */
  get #copiesByState(): boolean {
    return this.#options.sharedCells !== null && this.#options.mayShiftPositions;
  }

  /**
   * Frees cells by evicting idle streams.
   * @returns false if more cells become free only when running sequences end.
   */
  #freeCells(cells: number): boolean {
    const { sharedCells } = this.#options;
    if (sharedCells === null) return true;
    while (sharedCells - this.cellsUsed < cells) {
      if (!this.evict()) return !this.#streams.some(({ busy }) => busy);
    }
    return true;
  }

  /**
   * Whether a stream may be reused in place, which discards its tokens beyond the prefix: if these
   * are few, or if no other stream is free (then they are saved first).
   */
  #isReusableInPlace(holder: Holder, length: number): boolean {
    if (!isStream(holder) || holder.busy) return false;
    if (!this.#options.canTruncate || this.#keepsMost(holder, length)) return true;
    return this.#streams.every((other) => other === holder || other.busy);
  }

  #keepsMost(holder: Holder, length: number): boolean {
    return length * 2 >= holder.tokens.length;
  }

  /**
   * Whether reusing a short prefix is cheap: in place, or from a state that holds few other tokens.
   */
  #isCheap(holder: Holder, length: number): boolean {
    return isStream(holder)
      ? this.#isReusableInPlace(holder, length)
      : length * 2 >= holder.tokens.length;
  }

  #truncate(stream: KvStream, length: number): KvStream {
    if (length === stream.tokens.length) return stream;
    if (this.#memory.removeTokens(stream.id, length, -1)) stream.tokens.length = length;
    else this.#clear(stream);
    return stream;
  }

  /**
   * Provides an empty stream other than `except`: an empty one, else the least recently used one,
   * after saving its state.
   */
  #acquireEmpty(except: Holder | null): KvStream | null {
    let oldest: KvStream | null = null;
    for (const stream of this.#streams) {
      if (stream.busy || stream === except) continue;
      if (stream.tokens.length === 0) return stream;
      if (oldest === null || stream.lastUsed < oldest.lastUsed) oldest = stream;
    }
    if (oldest === null) return null;
    this.#save(oldest);
    this.#evictions++;
    this.#clear(oldest);
    return oldest;
  }

  #clear(stream: KvStream): void {
    this.#memory.removeTokens(stream.id, -1, -1);
    stream.tokens.length = 0;
    this.#removeFromIndex(stream);
  }

  #removeFromIndex(holder: Holder): void {
    const tree = this.#tree(holder.scope);
    tree.delete(holder);
    if (tree.isEmpty) this.#trees.delete(holder.scope);
  }

  #save(stream: KvStream, minTokens = MIN_SAVED_TOKENS): void {
    if (stream.tokens.length < minTokens || this.#pendingCopies.has(stream)) return;
    if (this.#options.savedBytes === 0 || this.#isHeldElsewhere(stream)) return;
    const state = this.#memory.saveSequence(stream.id);
    if (state.length > this.#options.savedBytes) return;
    this.#insertSaved({
      state,
      tokens: [...stream.tokens],
      scope: stream.scope,
      lastUsed: ++this.#clock,
    });
  }

  #insertSaved(saved: SavedState): void {
    const { savedBytes } = this.#options;
    while (this.#saved.size > 0 && this.#savedBytes + saved.state.length > savedBytes) {
      this.#discardOldest();
    }
    this.#saved.add(saved);
    this.#savedBytes += saved.state.length;
    this.#tree(saved.scope).set(saved, saved.tokens);
  }

  /** Whether another holder has all tokens of this stream. */
  #isHeldElsewhere(stream: KvStream): boolean {
    for (const { holder, length } of this.#matches(stream.scope, stream.tokens)) {
      if (length < stream.tokens.length) return false;
      if (holder !== stream && holder.tokens.length >= stream.tokens.length) return true;
    }
    return false;
  }

  #discardOldest(): void {
    let oldest: SavedState | null = null;
    for (const saved of this.#saved) {
      if (oldest === null || saved.lastUsed < oldest.lastUsed) oldest = saved;
    }
    if (oldest === null) return;
    this.#evictions++;
    this.#discard(oldest);
  }

  #discard(saved: SavedState): void {
    if (!this.#saved.delete(saved)) return;
    this.#savedBytes -= saved.state.length;
    this.#removeFromIndex(saved);
  }
}

function isBusy(holder: Holder): boolean {
  return isStream(holder) && holder.busy;
}
