import { append } from "../../append.ts";
import {
  type CachedPrefix,
  isStream,
  type KvMemory,
  type KvStream,
  type PrefixCacheOptions,
  usablePrefix,
} from "./cached_prefix.ts";
import { CachedStreams } from "./cached_streams.ts";
import { planCheckpoint, planPrompt } from "./checkpoints.ts";
import type { SavedState } from "./host_states.ts";
import { ISOLATED } from "./saved_states.ts";
import type { ScopedState } from "../disk_cache/mod.ts";
import { MIN_COPIED_TOKENS } from "./prefix_search.ts";
import { SharedCells } from "./shared_cells.ts";

/**
 * Assigns KV cache streams to sequences and reuses computed prefixes. A finished sequence leaves
 * its tokens in its stream until another sequence needs the stream; then the state is saved to host
 * memory. A new sequence reuses the longest cached prefix, also that of a running sequence.
 */
export class PrefixCache {
  readonly #held: CachedStreams;
  readonly #cells = new SharedCells();

  constructor(memory: KvMemory, options: PrefixCacheOptions) {
    this.#held = new CachedStreams(memory, options);
  }

  /** Number of tokens in all streams. */
  get cellsUsed(): number {
    return this.#held.cellsUsed;
  }

  /** Number of streams and saved states that were evicted. */
  get evictions(): number {
    return this.#held.evictions;
  }

  /** Streams without a running sequence, with or without cached tokens. */
  get idleStreams(): readonly KvStream[] {
    return this.#held.list.filter((stream) => !stream.busy);
  }

  get hasFreeStream(): boolean {
    return this.#held.list.some((stream) => !stream.busy);
  }

  /**
   * Moves the cached tokens of idle streams to another context, the most recently used first.
   *
   * @param stateBytes maximum bytes of their states, which are in host memory meanwhile
   * @param open closes the old context and opens the other one
   */
  move(
    stateBytes: number,
    open: () => { readonly memory: KvMemory; readonly options: PrefixCacheOptions },
  ): void {
    this.#held.move(stateBytes, open);
  }

  /** Removes all states in host memory, which the next context cannot use. */
  forgetStates(): void {
    this.#held.forgetStates();
  }

  /** The streams in the order of their ids. */
  get streams(): readonly KvStream[] {
    return this.#held.list;
  }

  /**
   * Replaces the content of an idle stream by a saved state.
   * @returns false if the state cannot be restored; then the stream is empty.
   */
  restore(stream: KvStream, { tokens, state, scope, checkpoints }: ScopedState): boolean {
    this.erase(stream);
    if (!this.#held.freeCells(tokens.length)) return false;
    if (!this.#held.restoreState(stream, state)) return false;
    stream.scope = scope;
    append(stream.tokens, tokens);
    for (const one of checkpoints) this.#held.addCheckpoint(stream, one);
    this.release(stream, false);
    return true;
  }

  /** Whether no cells of a stream are still to be copied or shifted by the next decode. */
  isSettled(stream: KvStream): boolean {
    return !this.#held.pending.has(stream);
  }

  /**
   * Removes the tokens of an idle stream, and states in host memory that hold a part or a continuation
   * of them.
   */
  erase(stream: KvStream): void {
    const tokens = [...stream.tokens];
    for (const { holder, length } of [...this.#held.index.matches(stream.scope, tokens)]) {
      if (isStream(holder)) continue;
      if (length === Math.min(holder.tokens.length, tokens.length)) this.#held.saved.remove(holder);
    }
    this.#held.clear(stream);
  }

  /** Tokens of a prompt that the longest usable cached prefix has. */
  cachedLength(tokens: readonly number[], scope: string): number {
    return this.#held.search.best(tokens, scope)?.length ?? 0;
  }

  /** Whether a running sequence is computing a prefix of these tokens that is worth waiting for. */
  isBeingComputed(tokens: readonly number[], scope = ""): boolean {
    const known = this.cachedLength(tokens, scope);
    for (const { holder, length } of this.#held.index.matches(scope, tokens)) {
      if (!isStream(holder) || !holder.busy) continue;
      const wanted = Math.min(length, tokens.length - 1);
      if (wanted < known + MIN_COPIED_TOKENS) return false;
      if (wanted <= holder.tokens.length) {
        // This sequence is past that position; another one may still reach it.
        if (this.#held.options.canTruncate) return false;
        continue;
      }
      if (!this.#held.options.canTruncate) planCheckpoint(holder, wanted);
      return true;
    }
    return false;
  }

  /**
   * Whether there are cells for a prompt beside the running sequences, in a buffer that all streams share.
   */
  hasCellsFor(tokens: readonly number[], useCache: boolean, scope = ""): boolean {
    const { sharedCells } = this.#held.options;
    if (sharedCells === null) return true;
    const best = useCache ? this.#held.search.best(tokens, scope) : null;
    return this.#cells.haveRoomFor(tokens.length - this.#sharedBy(best), sharedCells);
  }

  /** Cells of a prefix that a running sequence holds, and that its copy shares. */
  #sharedBy(prefix: CachedPrefix | null): number {
    if (
      prefix === null || this.#held.options.sharedCells === null || this.#held.search.copiesByState
    ) {
      return 0;
    }
    return isStream(prefix.holder) && prefix.holder.busy ? prefix.length : 0;
  }

  /**
   * Acquires a stream that holds the longest cached prefix of a prompt; `stream.tokens.length` is
   * its length. At least one token is left to compute.
   *
   * @param scope what the tokens are computed with besides the model, such as adapters. Prefixes
   * are not shared between scopes.
   * @param boundaries positions of message boundaries, for a memory that needs checkpoints.
   * @param slot the id of the stream to acquire, which must be free. Default: any.
   * @returns null if no stream, or not enough cells for the prefix, are free.
   */
  acquire(
    tokens: readonly number[],
    useCache: boolean,
    scope = "",
    boundaries: readonly number[] = [],
    slot?: number,
  ): KvStream | null {
    const best = useCache ? this.#held.search.best(tokens, scope, slot) : null;
    const shared = useCache ? this.#held.index.longestMatch(scope, tokens) : 0;
    const sharedByBest = this.#sharedBy(best);
    const stream = best === null ? this.#held.acquireEmpty(null, slot) : this.#reuse(best, slot);
    if (stream === null) return null;
    this.#cells.add(stream, tokens.length, sharedByBest);
    if (!this.#held.options.canTruncate) planPrompt(stream, tokens.length, boundaries, shared);
    stream.busy = true;
    stream.lastUsed = this.#held.tick();
    stream.scope = scope;
    this.#held.index.set(stream, tokens);
    return stream;
  }

  /** Releases the stream of a finished sequence. Its tokens stay cached, unless `forget`. */
  release(stream: KvStream, forget: boolean): void {
    stream.busy = false;
    this.#cells.remove(stream);
    stream.planned = [];
    stream.lastUsed = this.#held.tick();
    if (forget) this.#held.clear(stream);
    else this.#held.index.set(stream, [...stream.tokens]);
  }

  /** Saves the state of a preempted sequence to host memory and releases its stream. */
  swapOut(stream: KvStream): void {
    this.#held.save(stream, 1);
    this.release(stream, true);
  }

  /**
   * Inserts a state from a file for one sequence; pass it to `removeInserted` when the sequence has its stream.
   * @returns null if the tokens are already cached, or if the state is larger than host memory may hold
   * and another such state is in use.
   */
  insertState({ tokens, state, scope, checkpoints }: ScopedState): SavedState | null {
    for (const { holder, length } of this.#held.index.matches(scope, tokens)) {
      if (length < tokens.length) break;
      if (holder.tokens.length >= tokens.length) return null;
    }
    const saved: SavedState = {
      ...{ state, tokens, scope, checkpoints: [], lastUsed: this.#held.tick() },
    };
    if (!this.#held.saved.addForOne(saved)) return null;
    // The last ones first: they leave the fewest tokens to compute, and the bound may not allow all.
    for (const one of checkpoints.toReversed()) {
      if (!this.#held.saved.mayAdd(saved, one.state.length)) break;
      this.#held.addCheckpoint(saved, one);
    }
    return saved;
  }

  /** Frees the memory of an inserted state. */
  removeInserted(saved: SavedState): void {
    this.#held.saved.remove(saved);
  }

  /**
   * Returns a running stream to its first tokens, or to the nearest checkpoint before them.
   *
   * @param tokens the tokens of the sequence from now on. The stream loses its tokens from the first one
   * that differs.
   * @param length maximum tokens that stay in the stream.
   */
  rewind(stream: KvStream, tokens: readonly number[], length: number): void {
    if (stream.tokens.length > length) {
      const options = this.#held.options;
      const found = usablePrefix(stream, length, false, this.#held.memory, options);
      this.#held.truncate(stream, found.length, found.checkpoint);
      stream.planned = stream.planned.filter((position) => position > stream.tokens.length);
      // The next rewind may return to the same place.
      if (!options.canTruncate && stream.tokens.length < length) planCheckpoint(stream, length);
    }
    this.#held.index.set(stream, tokens);
  }

  /** Lets other sequences find the tokens of a running sequence, also those of its answer. */
  announce(stream: KvStream, tokens: readonly number[]): void {
    this.#held.index.set(stream, tokens);
  }

  /**
   * Gives a running stream its own scope. Call after shifting its positions: its state no longer
   * equals the state that computing its tokens would give.
   * @returns the new scope.
   */
  isolate(stream: KvStream): string {
    this.#held.index.delete(stream);
    this.discard(stream.scope);
    // From now on it needs the cells that it has.
    this.#cells.add(stream, 0, 0);
    this.#held.pending.add(stream);
    return stream.scope = `${stream.scope}${ISOLATED}${this.#held.tick()}`;
  }

  /** Removes what is held for one sequence alone, which no longer needs it. Other scopes keep their prefixes. */
  discard(scope: string): void {
    if (!scope.includes(ISOLATED)) return;
    for (const holder of this.#held.index.holders(scope)) {
      if (!isStream(holder)) this.#held.saved.remove(holder);
      else if (!holder.busy) this.#held.clear(holder);
    }
  }

  /**
   * Empties a running stream whose tokens are computed anew, in a scope that its new tokens share.
   * Call {@linkcode PrefixCache.rewind} with these tokens after it.
   */
  restart(stream: KvStream, scope: string): void {
    this.#held.index.delete(stream);
    this.discard(stream.scope);
    stream.scope = scope;
    this.#held.truncate(stream, 0, null);
  }

  /** Call after a decode, which completes copies and shifts. */
  completeCopies(): void {
    this.#held.pending.clear();
  }

  /**
   * Evicts the least recently used idle stream.
   * @returns false if there is none.
   */
  evict(): boolean {
    return this.#held.evict();
  }

  /** The state of a stream whose cells are settled. */
  stateOf(stream: KvStream): SavedState {
    return this.#held.stateOf(stream);
  }

  /** Provides a stream that holds a cached prefix. */
  #reuse({ holder, length, checkpoint }: CachedPrefix, slot?: number): KvStream | null {
    if (isStream(holder) && this.#held.search.isReusableInPlace(holder, length, slot)) {
      if (!this.#held.search.keepsMost(holder, length)) this.#held.save(holder);
      return this.#held.truncate(holder, length, checkpoint);
    }
    const target = this.#held.acquireEmpty(holder, slot);
    if (target === null) return null;
    const checkpoints = holder.checkpoints.filter(({ position }) => position <= length);
    if (isStream(holder) && !this.#held.search.copiesByState) {
      this.#held.memory.copySequence(holder.id, target.id);
      this.#held.pending.add(holder).add(target);
      append(target.tokens, holder.tokens);
    } else {
      if (this.#held.pending.has(target)) return target;
      // Freeing cells may evict the holder.
      const held = [...holder.tokens];
      const state = isStream(holder) ? this.#held.memory.saveSequence(holder.id) : holder.state;
      if (!this.#held.freeCells(held.length)) return null;
      if (!this.#held.restoreState(target, state)) {
        if (!isStream(holder)) {
          holder.isRefused = true;
          this.#held.saved.remove(holder);
        }
        return target;
      }
      holder.lastUsed = this.#held.tick();
      append(target.tokens, held);
    }
    target.checkpoints = checkpoints;
    return this.#held.truncate(target, length, checkpoint);
  }

  /** Makes the checkpoint that is planned at the length of a stream. Call it after each decode. */
  makeCheckpoint(stream: KvStream): void {
    const { tokens, planned } = stream;
    if (planned[0] === undefined || planned[0] > tokens.length) return;
    const isDue = planned.includes(tokens.length);
    stream.planned = planned.filter((position) => position > tokens.length);
    if (!isDue) return;
    if (stream.checkpoints.some(({ position }) => position === tokens.length)) return;
    const state = this.#held.memory.saveCheckpoint(stream.id);
    this.#held.addCheckpoint(stream, { position: tokens.length, state });
  }

  /** Number of checkpoints, and bytes of checkpoints and saved states. */
  get hostMemory(): { readonly checkpoints: number; readonly bytes: number } {
    return this.#held.saved.memory;
  }

  /**
   * The states that are worth keeping when the context closes, most recently used first. A state is read
   * from the KV cache when it is asked for.
   *
   * @param wants whether a state with these tokens is wanted
   */
  *states(wants: (tokens: readonly number[], scope: string) => boolean): Generator<ScopedState> {
    const holders = this.#held.saved.holders.toSorted((a, b) => b.lastUsed - a.lastUsed);
    for (const holder of holders) {
      const { tokens, scope } = holder;
      if (isStream(holder) && (holder.busy || this.#held.pending.has(holder))) continue;
      if (
        scope.includes(ISOLATED) || !wants(tokens, scope) || this.#held.search.isHeldLonger(holder)
      ) {
        continue;
      }
      yield isStream(holder) ? this.#held.stateOf(holder) : holder;
    }
  }
}
