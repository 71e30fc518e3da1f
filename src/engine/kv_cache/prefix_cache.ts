import type { Context } from "../../../ffi/mod.ts";
import { type PrefixMatch, PrefixTree } from "./radix_tree.ts";

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
  readonly canCut: boolean;
  /** Bytes of host memory for states whose stream was needed. */
  readonly savedBytes: number;
  /** Cells that all streams take theirs from; null where each stream has its own. */
  readonly sharedCells: number | null;
  /** Whether positions of a running sequence may be moved. */
  readonly mayShift: boolean;
}

/** Saving fewer tokens to host memory costs more than computing them again. */
const WORTH_SAVING = 64;
/** Copying a whole stream for fewer tokens costs more than computing them again. */
const WORTH_COPYING = 32;

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
  readonly #trees = new Map<string, PrefixTree<Holder>>();
  readonly #saved = new Set<SavedState>();
  #savedBytes = 0;
  #evictions = 0;
  #clock = 0;
  /** Streams whose data moves at the next decode: until then their bytes must not be read or written. */
  readonly #moving = new Set<KvStream>();

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

  #tree(scope: string): PrefixTree<Holder> {
    const known = this.#trees.get(scope);
    if (known !== undefined) return known;
    const tree = new PrefixTree<Holder>();
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
  get unused(): readonly KvStream[] {
    return this.#streams.filter((stream) => !stream.busy);
  }

  get hasFreeStream(): boolean {
    return this.#streams.some((stream) => !stream.busy);
  }

  /**
   * Whether a running sequence is computing a prefix of these tokens that is worth waiting for.
   */
  isBeingComputed(tokens: readonly number[], scope = ""): boolean {
    if (!this.#options.canCut) return false;
    const known = this.#best(tokens, scope)?.length ?? 0;
    for (const { holder, length } of this.#matches(scope, tokens)) {
      if (!isStream(holder) || !holder.busy) continue;
      const wanted = Math.min(length, tokens.length - 1);
      return wanted > holder.tokens.length && wanted >= known + WORTH_COPYING;
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
    const stream = best === null ? this.#empty(null) : this.#take(best.holder, best.length);
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
    if (forget) this.#wipe(stream);
    else this.#tree(stream.scope).set(stream, [...stream.tokens]);
  }

  /** Moves what a stream holds to host memory, for its sequence to come back to. */
  park(stream: KvStream): void {
    this.#save(stream, 1);
    this.release(stream, true);
  }

  /** Takes in a state that was kept elsewhere, unless as much of it is known already. */
  adopt(tokens: readonly number[], state: Uint8Array<ArrayBuffer>, scope = ""): void {
    for (const { holder, length } of this.#matches(scope, tokens)) {
      if (length < tokens.length) break;
      if (holder.tokens.length >= tokens.length) return;
    }
    this.#remember({ state, tokens, scope, lastUsed: ++this.#clock });
  }

  /**
   * A running stream's positions were moved: what it holds is no longer what computing its tokens would
   * give, so nobody else may have it.
   * @returns the scope that is its own from now on.
   */
  isolate(stream: KvStream): string {
    this.#forget(stream);
    this.#moving.add(stream);
    return stream.scope = `${stream.scope}\0${++this.#clock}`;
  }

  /** Call after a decode: moving data has arrived. */
  settle(): void {
    this.#moving.clear();
  }

  /**
   * Forgets the stream that was used longest ago and by nobody now.
   * @returns false if there is none.
   */
  evict(): boolean {
    const idle = this.#streams.filter((stream) => !stream.busy && stream.tokens.length > 0);
    if (idle.length === 0) return false;
    this.#evictions++;
    this.#wipe(idle.reduce((a, b) => a.lastUsed <= b.lastUsed ? a : b));
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
      if (!this.#options.canCut && (length < holder.tokens.length || isBusy(holder))) continue;
      if (length < WORTH_COPYING && !this.#isCheap(holder, length)) continue;
      best = { holder, length };
    }
    return best;
  }

  /** A stream that holds the first `length` tokens of a holder. */
  #take(holder: Holder, length: number): KvStream | null {
    if (isStream(holder) && this.#fitsInPlace(holder, length)) {
      if (!this.#keepsMost(holder, length)) this.#save(holder);
      return this.#cut(holder, length);
    }
    const target = this.#empty(holder);
    if (target === null) return null;
    if (isStream(holder) && !this.#copiesByState) {
      this.#memory.copySequence(holder.id, target.id);
      this.#moving.add(holder).add(target);
      target.tokens.push(...holder.tokens);
    } else {
      if (this.#moving.has(target)) return target;
      // Making room may empty the stream that holds it.
      const held = [...holder.tokens];
      const state = isStream(holder) ? this.#memory.saveSequence(holder.id) : holder.state;
      if (!this.#makeRoom(held.length)) return null;
      if (!this.#memory.restoreSequence(target.id, state)) {
        // The library leaves the cells of what it could not read to the end.
        this.#memory.removeTokens(target.id, -1, -1);
        if (!isStream(holder)) this.#drop(holder);
        return target;
      }
      holder.lastUsed = ++this.#clock;
      target.tokens.push(...held);
    }
    return this.#cut(target, length);
  }

  /**
   * A copy within one buffer shares the cells of its source, and a cell has one position: where that may
   * be moved, a copy needs cells of its own.
   */
  get #copiesByState(): boolean {
    return this.#options.sharedCells !== null && this.#options.mayShift;
  }

  /**
   * Has so many cells free, if need be by forgetting what nobody uses now.
   * @returns false where they will be free when somebody ends.
   */
  #makeRoom(cells: number): boolean {
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
  #fitsInPlace(holder: Holder, length: number): boolean {
    if (!isStream(holder) || holder.busy) return false;
    if (!this.#options.canCut || this.#keepsMost(holder, length)) return true;
    return this.#streams.every((other) => other === holder || other.busy);
  }

  #keepsMost(holder: Holder, length: number): boolean {
    return length * 2 >= holder.tokens.length;
  }

  /** Whether few tokens are worth taking: in place, or from a state that holds little else. */
  #isCheap(holder: Holder, length: number): boolean {
    return isStream(holder)
      ? this.#fitsInPlace(holder, length)
      : length * 2 >= holder.tokens.length;
  }

  #cut(stream: KvStream, length: number): KvStream {
    if (length === stream.tokens.length) return stream;
    if (this.#memory.removeTokens(stream.id, length, -1)) stream.tokens.length = length;
    else this.#wipe(stream);
    return stream;
  }

  /** An empty stream other than `except`: the one used longest ago, its tokens saved. */
  #empty(except: Holder | null): KvStream | null {
    let oldest: KvStream | null = null;
    for (const stream of this.#streams) {
      if (stream.busy || stream === except) continue;
      if (stream.tokens.length === 0) return stream;
      if (oldest === null || stream.lastUsed < oldest.lastUsed) oldest = stream;
    }
    if (oldest === null) return null;
    this.#save(oldest);
    this.#evictions++;
    this.#wipe(oldest);
    return oldest;
  }

  #wipe(stream: KvStream): void {
    this.#memory.removeTokens(stream.id, -1, -1);
    stream.tokens.length = 0;
    this.#forget(stream);
  }

  #forget(holder: Holder): void {
    const tree = this.#tree(holder.scope);
    tree.delete(holder);
    if (tree.isEmpty) this.#trees.delete(holder.scope);
  }

  #save(stream: KvStream, fewest = WORTH_SAVING): void {
    if (stream.tokens.length < fewest || this.#moving.has(stream)) return;
    if (this.#options.savedBytes === 0 || this.#isCovered(stream)) return;
    const state = this.#memory.saveSequence(stream.id);
    if (state.length > this.#options.savedBytes) return;
    this.#remember({
      state,
      tokens: [...stream.tokens],
      scope: stream.scope,
      lastUsed: ++this.#clock,
    });
  }

  #remember(saved: SavedState): void {
    const { savedBytes } = this.#options;
    while (this.#saved.size > 0 && this.#savedBytes + saved.state.length > savedBytes) {
      this.#dropOldest();
    }
    this.#saved.add(saved);
    this.#savedBytes += saved.state.length;
    this.#tree(saved.scope).set(saved, saved.tokens);
  }

  /** Whether somebody else holds all that this stream holds. */
  #isCovered(stream: KvStream): boolean {
    for (const { holder, length } of this.#matches(stream.scope, stream.tokens)) {
      if (length < stream.tokens.length) return false;
      if (holder !== stream && holder.tokens.length >= stream.tokens.length) return true;
    }
    return false;
  }

  #dropOldest(): void {
    let oldest: SavedState | null = null;
    for (const saved of this.#saved) {
      if (oldest === null || saved.lastUsed < oldest.lastUsed) oldest = saved;
    }
    if (oldest === null) return;
    this.#evictions++;
    this.#drop(oldest);
  }

  #drop(saved: SavedState): void {
    if (!this.#saved.delete(saved)) return;
    this.#savedBytes -= saved.state.length;
    this.#forget(saved);
  }
}

function isBusy(holder: Holder): boolean {
  return isStream(holder) && holder.busy;
}
