import type { Context } from "../../../ffi/mod.ts";
import { type PrefixMatch, RadixTree } from "./radix_tree.ts";

/** A stream of the KV cache: room for one sequence. */
export interface KvStream {
  /** The sequence id by which libllama knows it. */
  readonly id: number;
  /** The tokens it holds, at positions from 0 on. */
  readonly tokens: number[];
  /** Who computed the tokens: see {@linkcode PrefixCache.acquire}. */
  scope: string;
  busy: boolean;
  lastUsed: number;
}

/** The state of a sequence, moved to host memory when its stream was needed. */
interface SavedState {
  readonly state: Uint8Array<ArrayBuffer>;
  readonly tokens: readonly number[];
  readonly scope: string;
  lastUsed: number;
}

type Holder = KvStream | SavedState;

const isStream = (holder: Holder): holder is KvStream => "busy" in holder;

/** The parts of a context that the cache needs. */
export type KvMemory = Pick<
  Context,
  "removeTokens" | "copySequence" | "saveSequence" | "restoreSequence"
>;

export interface PrefixCacheOptions {
  readonly streams: number;
  /** Whether the memory can forget the end of a sequence; recurrent memory cannot. */
  readonly canTruncate: boolean;
  /** Bytes of host memory for states whose stream was needed. */
  readonly savedBytes: number;
  /** Cells that all streams take theirs from; null where each stream has its own. */
  readonly sharedCells: number | null;
  /** Whether positions of a running sequence may be moved. */
  readonly mayShiftPositions: boolean;
}

/** Saving fewer tokens to host memory costs more than computing them again. */
const MIN_SAVED_TOKENS = 64;
/** Copying a whole stream for fewer tokens costs more than computing them again. */
const MIN_COPIED_TOKENS = 32;

/**
 * Gives streams of the KV cache to sequences, and keeps what they computed for those that come later:
 * a finished sequence's stream stays as it is until another one needs it, and then its state moves to
 * host memory. The longest known prefix is used, whoever computed it, and also while that one runs.
 */
export class PrefixCache {
  readonly #memory: KvMemory;
  readonly #options: PrefixCacheOptions;
  readonly #streams: readonly KvStream[];
  /** One tree for each scope. */
  readonly #trees = new Map<string, RadixTree<Holder>>();
  readonly #saved = new Set<SavedState>();
  #savedBytes = 0;
  #evictions = 0;
  #clock = 0;
  /** Streams whose data moves at the next decode: until then their bytes must not be read or written. */
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

  /** Tokens held in all streams. */
  get cellsUsed(): number {
    return this.#streams.reduce((sum, stream) => sum + stream.tokens.length, 0);
  }

  /** Streams and saved states whose tokens gave way to others so far. */
  get evictions(): number {
    return this.#evictions;
  }

  /** Streams that nobody uses now, whatever they hold. */
  get idleStreams(): readonly KvStream[] {
    return this.#streams.filter((stream) => !stream.busy);
  }

  get hasFreeStream(): boolean {
    return this.#streams.some((stream) => !stream.busy);
  }

  /**
   * Whether a running sequence is computing a prefix of these tokens that is worth waiting for.
   */
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
   * A stream for a prompt, holding as much of its beginning as is known; null when none is free now, or
   * no cells for what is known.
   * `stream.tokens.length` says how much that is. At least one token is left to compute.
   *
   * @param scope what the tokens are computed with beside the model, such as its adapters: nothing is
   * shared between scopes.
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

  /** The sequence is done: what it computed stays known, unless `forget`. */
  release(stream: KvStream, forget: boolean): void {
    stream.busy = false;
    stream.lastUsed = ++this.#clock;
    if (forget) this.#clear(stream);
    else this.#tree(stream.scope).set(stream, [...stream.tokens]);
  }

  /** Moves what a stream holds to host memory, for its sequence to come back to. */
  swapOut(stream: KvStream): void {
    this.#save(stream, 1);
    this.release(stream, true);
  }

  /** Takes in a state that was kept elsewhere, unless as much of it is known already. */
  insertState(tokens: readonly number[], state: Uint8Array<ArrayBuffer>, scope = ""): void {
    for (const { holder, length } of this.#matches(scope, tokens)) {
      if (length < tokens.length) break;
      if (holder.tokens.length >= tokens.length) return;
    }
    this.#insertSaved({ state, tokens, scope, lastUsed: ++this.#clock });
  }

  /**
   * A running stream's positions were moved: what it holds is no longer what computing its tokens would
   * give, so nobody else may have it.
   * @returns the scope that is its own from now on.
   */
  isolate(stream: KvStream): string {
    this.#removeFromIndex(stream);
    this.#pendingCopies.add(stream);
    return stream.scope = `${stream.scope}\0${++this.#clock}`;
  }

  /** Call after a decode: moving data has arrived. */
  completeCopies(): void {
    this.#pendingCopies.clear();
  }

  /**
   * Forgets the stream that was used longest ago and by nobody now.
   * @returns false if there is none.
   */
  evict(): boolean {
    const idle = this.#streams.filter((stream) => !stream.busy && stream.tokens.length > 0);
    if (idle.length === 0) return false;
    this.#evictions++;
    this.#clear(idle.reduce((a, b) => a.lastUsed <= b.lastUsed ? a : b));
    return true;
  }

  /** The holder of the longest prefix that can be used now. */
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

  /** A stream that holds the first `length` tokens of a holder. */
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
      // Making room may empty the stream that holds it.
      const held = [...holder.tokens];
      const state = isStream(holder) ? this.#memory.saveSequence(holder.id) : holder.state;
      if (!this.#freeCells(held.length)) return null;
      if (!this.#memory.restoreSequence(target.id, state)) {
        // The library leaves the cells of what it could not read to the end.
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
   * A copy within one buffer shares the cells of its source, and a cell has one position: where that may
   * be moved, a copy needs cells of its own.
   */
  get #copiesByState(): boolean {
    return this.#options.sharedCells !== null && this.#options.mayShiftPositions;
  }

  /**
   * Has so many cells free, if need be by forgetting what nobody uses now.
   * @returns false where they will be free when somebody ends.
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
   * Taking a stream in place takes what it holds beyond the prefix from it; that is fine when it is
   * little, or when there is no other stream and it can be saved.
   */
  #isReusableInPlace(holder: Holder, length: number): boolean {
    if (!isStream(holder) || holder.busy) return false;
    if (!this.#options.canTruncate || this.#keepsMost(holder, length)) return true;
    return this.#streams.every((other) => other === holder || other.busy);
  }

  #keepsMost(holder: Holder, length: number): boolean {
    return length * 2 >= holder.tokens.length;
  }

  /** Whether few tokens are worth taking: in place, or from a state that holds little else. */
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

  /** An empty stream other than `except`: the one used longest ago, its tokens saved. */
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

  #save(stream: KvStream, fewest = MIN_SAVED_TOKENS): void {
    if (stream.tokens.length < fewest || this.#pendingCopies.has(stream)) return;
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

  /** Whether somebody else holds all that this stream holds. */
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
