import { append } from "../../append.ts";
import {
  type CachedPrefix,
  type Holder,
  isStream,
  type KvMemory,
  type KvStream,
  type PrefixCacheOptions,
  usablePrefix,
} from "./cached_prefix.ts";
import { type Checkpoint, planCheckpoint, planPrompt } from "./checkpoints.ts";
import type { SavedState } from "./host_states.ts";
import { ISOLATED, SavedStates } from "./saved_states.ts";
import type { ScopedState } from "../disk_cache/mod.ts";
import { PrefixIndex } from "./prefix_index.ts";
import { MIN_COPIED_TOKENS, PrefixSearch } from "./prefix_search.ts";
import { SharedCells } from "./shared_cells.ts";

/** Saving fewer tokens to host memory costs more than recomputing them. */
const MIN_SAVED_TOKENS = 64;

/**
 * Assigns KV cache streams to sequences and reuses computed prefixes. A finished sequence leaves
 * its tokens in its stream until another sequence needs the stream; then the state is saved to host
 * memory. A new sequence reuses the longest cached prefix, also that of a running sequence.
 */
export class PrefixCache {
  #memory: KvMemory;
  #options: PrefixCacheOptions;
  #streams: readonly KvStream[];
  readonly #index = new PrefixIndex();
  readonly #search = new PrefixSearch(this.#index, () => ({
    memory: this.#memory,
    options: this.#options,
    streams: this.#streams,
  }));
  readonly #saved: SavedStates;
  #evictions = 0;
  #clock = 0;
  /**
   * Streams whose cells are copied or shifted at the next decode. Until then their states must not
   * be saved or restored.
   */
  readonly #pendingCopies = new Set<KvStream>();
  readonly #cells = new SharedCells();

  constructor(memory: KvMemory, options: PrefixCacheOptions) {
    this.#memory = memory;
    this.#options = options;
    this.#streams = emptyStreams(options.streams);
    this.#saved = new SavedStates({
      limit: options.savedBytes,
      index: this.#index,
      streams: () => this.#streams,
      spill: options.spill,
      onEvict: () => this.#evictions++,
    });
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
    const states = this.#idleStates(stateBytes);
    const former = this.#streams;
    for (const stream of former) this.#index.delete(stream);
    this.#pendingCopies.clear();
    // The old context is closed even if the other one cannot be opened.
    this.#streams = emptyStreams(former.length);
    try {
      const { memory, options } = open();
      this.#memory = memory;
      this.#options = options;
      this.#streams = emptyStreams(options.streams);
      this.#restoreStates(states);
    } finally {
      // Only now, because the new streams have checkpoints of the former ones.
      for (const stream of former) this.#saved.setCheckpoints(stream, []);
    }
  }

  /** Removes all states in host memory, which the next context cannot use. */
  forgetStates(): void {
    for (const holder of this.#saved.holders) {
      if (!isStream(holder)) this.#saved.remove(holder);
    }
  }

  #restoreStates(states: readonly SavedState[]): void {
    const options = this.#options;
    for (const [id, moved] of states.slice(0, options.streams).entries()) {
      const stream = this.#streams[id]!;
      if (!this.#restoreState(stream, moved.state)) continue;
      append(stream.tokens, moved.tokens);
      stream.scope = moved.scope;
      stream.lastUsed = moved.lastUsed;
      stream.checkpoints = moved.checkpoints;
      this.#index.set(stream, moved.tokens);
    }
  }

  /**
   * The states of idle streams, the most recently used first.
   * @param limit maximum bytes in total
   */
  #idleStates(limit: number): SavedState[] {
    const states: SavedState[] = [];
    let bytes = 0;
    for (const stream of this.#streams.toSorted((a, b) => b.lastUsed - a.lastUsed)) {
      if (stream.busy || this.#pendingCopies.has(stream)) continue;
      if (stream.tokens.length < MIN_SAVED_TOKENS) continue;
      const size = this.#memory.stateBytes(stream.id, false);
      if (bytes + size > limit) continue;
      bytes += size;
      const { lastUsed } = stream;
      states.push({ ...this.stateOf(stream), lastUsed });
    }
    return states;
  }

  #restoreState(stream: KvStream, state: Uint8Array<ArrayBuffer>): boolean {
    if (this.#memory.restoreSequence(stream.id, state)) return true;
    // libllama keeps the cells of a partly restored state.
    this.#memory.removeTokens(stream.id, -1, -1);
    return false;
  }

  /** The streams in the order of their ids. */
  get streams(): readonly KvStream[] {
    return this.#streams;
  }

  /**
   * Replaces the content of an idle stream by a saved state.
   * @returns false if the state cannot be restored; then the stream is empty.
   */
  restore(stream: KvStream, { tokens, state, scope, checkpoints }: ScopedState): boolean {
    this.erase(stream);
    if (!this.#freeCells(tokens.length)) return false;
    if (!this.#restoreState(stream, state)) return false;
    stream.scope = scope;
    append(stream.tokens, tokens);
    for (const one of checkpoints) this.#addCheckpoint(stream, one);
    this.release(stream, false);
    return true;
  }

  /** Whether no cells of a stream are still to be copied or shifted by the next decode. */
  isSettled(stream: KvStream): boolean {
    return !this.#pendingCopies.has(stream);
  }

  /**
   * Removes the tokens of an idle stream, and states in host memory that hold a part or a continuation
   * of them.
   */
  erase(stream: KvStream): void {
    const tokens = [...stream.tokens];
    for (const { holder, length } of [...this.#index.matches(stream.scope, tokens)]) {
      if (isStream(holder)) continue;
      if (length === Math.min(holder.tokens.length, tokens.length)) this.#saved.remove(holder);
    }
    this.#clear(stream);
  }

  /** Tokens of a prompt that the longest usable cached prefix has. */
  cachedLength(tokens: readonly number[], scope: string): number {
    return this.#search.best(tokens, scope)?.length ?? 0;
  }

  /** Whether a running sequence is computing a prefix of these tokens that is worth waiting for. */
  isBeingComputed(tokens: readonly number[], scope = ""): boolean {
    const known = this.cachedLength(tokens, scope);
    for (const { holder, length } of this.#index.matches(scope, tokens)) {
      if (!isStream(holder) || !holder.busy) continue;
      const wanted = Math.min(length, tokens.length - 1);
      if (wanted < known + MIN_COPIED_TOKENS) return false;
      if (wanted <= holder.tokens.length) {
        // This sequence is past that position; another one may still reach it.
        if (this.#options.canTruncate) return false;
        continue;
      }
      if (!this.#options.canTruncate) planCheckpoint(holder, wanted);
      return true;
    }
    return false;
  }

  /**
   * Whether there are cells for a prompt beside the running sequences, in a buffer that all streams share.
   */
  hasCellsFor(tokens: readonly number[], useCache: boolean, scope = ""): boolean {
    const { sharedCells } = this.#options;
    if (sharedCells === null) return true;
    const best = useCache ? this.#search.best(tokens, scope) : null;
    return this.#cells.haveRoomFor(tokens.length - this.#sharedBy(best), sharedCells);
  }

  /** Cells of a prefix that a running sequence holds, and that its copy shares. */
  #sharedBy(prefix: CachedPrefix | null): number {
    if (prefix === null || this.#options.sharedCells === null || this.#search.copiesByState) {
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
    const best = useCache ? this.#search.best(tokens, scope, slot) : null;
    const shared = useCache ? this.#index.longestMatch(scope, tokens) : 0;
    const sharedByBest = this.#sharedBy(best);
    const stream = best === null ? this.#acquireEmpty(null, slot) : this.#reuse(best, slot);
    if (stream === null) return null;
    this.#cells.add(stream, tokens.length, sharedByBest);
    if (!this.#options.canTruncate) planPrompt(stream, tokens.length, boundaries, shared);
    stream.busy = true;
    stream.lastUsed = ++this.#clock;
    stream.scope = scope;
    this.#index.set(stream, tokens);
    return stream;
  }

  /** Releases the stream of a finished sequence. Its tokens stay cached, unless `forget`. */
  release(stream: KvStream, forget: boolean): void {
    stream.busy = false;
    this.#cells.remove(stream);
    stream.planned = [];
    stream.lastUsed = ++this.#clock;
    if (forget) this.#clear(stream);
    else this.#index.set(stream, [...stream.tokens]);
  }

  /** Saves the state of a preempted sequence to host memory and releases its stream. */
  swapOut(stream: KvStream): void {
    this.#save(stream, 1);
    this.release(stream, true);
  }

  /**
   * Inserts a state from a file for one sequence; pass it to `removeInserted` when the sequence has its stream.
   * @returns null if the tokens are already cached, or if the state is larger than host memory may hold
   * and another such state is in use.
   */
  insertState({ tokens, state, scope, checkpoints }: ScopedState): SavedState | null {
    for (const { holder, length } of this.#index.matches(scope, tokens)) {
      if (length < tokens.length) break;
      if (holder.tokens.length >= tokens.length) return null;
    }
    const saved: SavedState = {
      ...{ state, tokens, scope, checkpoints: [], lastUsed: ++this.#clock },
    };
    if (!this.#saved.addForOne(saved)) return null;
    // The last ones first: they leave the fewest tokens to compute, and the bound may not allow all.
    for (const one of checkpoints.toReversed()) {
      if (!this.#saved.mayAdd(saved, one.state.length)) break;
      this.#addCheckpoint(saved, one);
    }
    return saved;
  }

  /** Frees the memory of an inserted state. */
  removeInserted(saved: SavedState): void {
    this.#saved.remove(saved);
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
      const options = this.#options;
      const found = usablePrefix(stream, length, false, this.#memory, options);
      this.#truncate(stream, found.length, found.checkpoint);
      stream.planned = stream.planned.filter((position) => position > stream.tokens.length);
      // The next rewind may return to the same place.
      if (!options.canTruncate && stream.tokens.length < length) planCheckpoint(stream, length);
    }
    this.#index.set(stream, tokens);
  }

  /** Lets other sequences find the tokens of a running sequence, also those of its answer. */
  announce(stream: KvStream, tokens: readonly number[]): void {
    this.#index.set(stream, tokens);
  }

  /**
   * Gives a running stream its own scope. Call after shifting its positions: its state no longer
   * equals the state that computing its tokens would give.
   * @returns the new scope.
   */
  isolate(stream: KvStream): string {
    this.#index.delete(stream);
    this.discard(stream.scope);
    this.#pendingCopies.add(stream);
    return stream.scope = `${stream.scope}${ISOLATED}${++this.#clock}`;
  }

  /** Removes what is held for one sequence alone, which no longer needs it. Other scopes keep their prefixes. */
  discard(scope: string): void {
    if (!scope.includes(ISOLATED)) return;
    for (const holder of this.#index.holders(scope)) {
      if (!isStream(holder)) this.#saved.remove(holder);
      else if (!holder.busy) this.#clear(holder);
    }
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

  /** Provides a stream that holds a cached prefix. */
  #reuse({ holder, length, checkpoint }: CachedPrefix, slot?: number): KvStream | null {
    if (isStream(holder) && this.#search.isReusableInPlace(holder, length, slot)) {
      if (!this.#search.keepsMost(holder, length)) this.#save(holder);
      return this.#truncate(holder, length, checkpoint);
    }
    const target = this.#acquireEmpty(holder, slot);
    if (target === null) return null;
    const checkpoints = holder.checkpoints.filter(({ position }) => position <= length);
    if (isStream(holder) && !this.#search.copiesByState) {
      this.#memory.copySequence(holder.id, target.id);
      this.#pendingCopies.add(holder).add(target);
      append(target.tokens, holder.tokens);
    } else {
      if (this.#pendingCopies.has(target)) return target;
      // Freeing cells may evict the holder.
      const held = [...holder.tokens];
      const state = isStream(holder) ? this.#memory.saveSequence(holder.id) : holder.state;
      if (!this.#freeCells(held.length)) return null;
      if (!this.#restoreState(target, state)) {
        if (!isStream(holder)) {
          holder.isRefused = true;
          this.#saved.remove(holder);
        }
        return target;
      }
      holder.lastUsed = ++this.#clock;
      append(target.tokens, held);
    }
    target.checkpoints = checkpoints;
    return this.#truncate(target, length, checkpoint);
  }

  /** Makes the checkpoint that is planned at the length of a stream. Call it after each decode. */
  makeCheckpoint(stream: KvStream): void {
    const { tokens, planned } = stream;
    if (planned[0] === undefined || planned[0] > tokens.length) return;
    const isDue = planned.includes(tokens.length);
    stream.planned = planned.filter((position) => position > tokens.length);
    if (!isDue) return;
    if (stream.checkpoints.some(({ position }) => position === tokens.length)) return;
    const state = this.#memory.saveCheckpoint(stream.id);
    this.#addCheckpoint(stream, { position: tokens.length, state });
  }

  #addCheckpoint(holder: Holder, { position, state }: Omit<Checkpoint, "lastUsed">): void {
    this.#saved.addCheckpoint(holder, { position, state, lastUsed: ++this.#clock });
  }

  /** Number of checkpoints, and bytes of checkpoints and saved states. */
  get hostMemory(): { readonly checkpoints: number; readonly bytes: number } {
    return this.#saved.memory;
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

  #truncate(stream: KvStream, length: number, checkpoint: Checkpoint | null): KvStream {
    if (length === stream.tokens.length) return stream;
    if (checkpoint !== null) checkpoint.lastUsed = ++this.#clock;
    const isBack = checkpoint === null ||
      this.#memory.restoreCheckpoint(stream.id, checkpoint.state);
    if (isBack && this.#memory.removeTokens(stream.id, length, -1)) {
      stream.tokens.length = length;
      this.#saved.setCheckpoints(
        stream,
        stream.checkpoints.filter(({ position }) => position <= length),
      );
    } else this.#clear(stream);
    return stream;
  }

  /**
   * Provides an empty stream other than `except`: an empty one, else the least recently used one,
   * after saving its state.
   */
  #acquireEmpty(except: Holder | null, slot?: number): KvStream | null {
    let oldest: KvStream | null = null;
    for (const stream of this.#streams) {
      if (stream.busy || stream === except) continue;
      if (slot !== undefined && stream.id !== slot) continue;
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
    this.#saved.setCheckpoints(stream, []);
    this.#index.delete(stream);
  }

  #save(stream: KvStream, minTokens = MIN_SAVED_TOKENS): void {
    if (stream.tokens.length < minTokens || this.#pendingCopies.has(stream)) return;
    if (this.#saved.isUsed && !this.#search.isHeldElsewhere(stream)) {
      this.#saved.add(this.stateOf(stream));
    }
  }

  /** The state of a stream whose cells are settled. */
  stateOf({ id, tokens, scope, checkpoints }: KvStream): SavedState {
    const state = this.#memory.saveSequence(id);
    return { state, tokens: [...tokens], scope, checkpoints, lastUsed: ++this.#clock };
  }

  /**
   * The states that are worth keeping when the context closes, most recently used first. A state is read
   * from the KV cache when it is asked for.
   *
   * @param wants whether a state with these tokens is wanted
   */
  *states(wants: (tokens: readonly number[], scope: string) => boolean): Generator<ScopedState> {
    const holders = this.#saved.holders.toSorted((a, b) => b.lastUsed - a.lastUsed);
    for (const holder of holders) {
      const { tokens, scope } = holder;
      if (isStream(holder) && (holder.busy || this.#pendingCopies.has(holder))) continue;
      if (scope.includes(ISOLATED) || !wants(tokens, scope) || this.#search.isHeldLonger(holder)) {
        continue;
      }
      yield isStream(holder) ? this.stateOf(holder) : holder;
    }
  }
}

function emptyStreams(count: number): KvStream[] {
  return Array.from({ length: count }, (_, id) => ({
    ...{ id, tokens: [], scope: "", busy: false, lastUsed: 0, checkpoints: [], planned: [] },
  }));
}
