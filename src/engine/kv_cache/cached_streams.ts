import { append } from "../../append.ts";
import {
  type Holder,
  isStream,
  type KvMemory,
  type KvStream,
  type PrefixCacheOptions,
} from "./cached_prefix.ts";
import type { Checkpoint } from "./checkpoints.ts";
import type { SavedState } from "./host_states.ts";
import { positionAt } from "./positions.ts";
import { PrefixIndex } from "./prefix_index.ts";
import { PrefixSearch } from "./prefix_search.ts";
import { SavedStates } from "./saved_states.ts";

/** Saving fewer tokens to host memory costs more than recomputing them. */
const MIN_SAVED_TOKENS = 64;

/** The streams of a context and the states in host memory: their cells, tokens and places in the index. */
export class CachedStreams {
  memory: KvMemory;
  options: PrefixCacheOptions;
  /** The streams in the order of their ids. */
  list: readonly KvStream[];
  readonly index = new PrefixIndex();
  readonly search = new PrefixSearch(this.index, () => ({
    memory: this.memory,
    options: this.options,
    streams: this.list,
  }));
  readonly saved: SavedStates;
  /** Number of streams and saved states that were evicted. */
  evictions = 0;
  /**
   * Streams whose cells are copied or shifted at the next decode. Until then their states must not
   * be saved or restored.
   */
  readonly pending = new Set<KvStream>();
  #clock = 0;

  constructor(memory: KvMemory, options: PrefixCacheOptions) {
    this.memory = memory;
    this.options = options;
    this.list = emptyStreams(options.streams);
    this.saved = new SavedStates({
      limit: options.savedBytes,
      index: this.index,
      streams: () => this.list,
      spill: options.spill,
      onEvict: () => this.evictions++,
    });
  }

  /** A later time of use than all before. */
  tick(): number {
    return ++this.#clock;
  }

  /** Number of tokens in all streams. */
  get cellsUsed(): number {
    return this.list.reduce((sum, stream) => sum + stream.tokens.length, 0);
  }

  /** Removes all tokens of a stream. */
  clear(stream: KvStream): void {
    this.memory.removeTokens(stream.id, -1, -1);
    stream.tokens.length = 0;
    this.saved.setCheckpoints(stream, []);
    this.index.delete(stream);
  }

  /** Removes the tokens of a stream from `length` on, after it went back to a checkpoint. */
  truncate(stream: KvStream, length: number, checkpoint: Checkpoint | null): KvStream {
    if (length === stream.tokens.length) return stream;
    if (checkpoint !== null) checkpoint.lastUsed = this.tick();
    const isBack = checkpoint === null ||
      this.memory.restoreCheckpoint(stream.id, checkpoint.state);
    const position = this.options.sharesPositions ? positionAt(stream.tokens, length) : length;
    if (isBack && this.memory.removeTokens(stream.id, position, -1)) {
      stream.tokens.length = length;
      this.saved.setCheckpoints(
        stream,
        stream.checkpoints.filter(({ position }) => position <= length),
      );
    } else this.clear(stream);
    return stream;
  }

  /**
   * Provides an empty stream other than `except`: an empty one, else the least recently used one,
   * after saving its state.
   */
  acquireEmpty(except: Holder | null, slot?: number): KvStream | null {
    let oldest: KvStream | null = null;
    for (const stream of this.list) {
      if (stream.busy || stream === except) continue;
      if (slot !== undefined && stream.id !== slot) continue;
      if (stream.tokens.length === 0) return stream;
      if (oldest === null || stream.lastUsed < oldest.lastUsed) oldest = stream;
    }
    if (oldest === null) return null;
    this.save(oldest);
    this.evictions++;
    this.clear(oldest);
    return oldest;
  }

  /**
   * Evicts the least recently used idle stream.
   * @returns false if there is none.
   */
  evict(): boolean {
    const idle = this.list.filter((stream) => !stream.busy && stream.tokens.length > 0);
    if (idle.length === 0) return false;
    this.evictions++;
    this.clear(idle.reduce((a, b) => a.lastUsed <= b.lastUsed ? a : b));
    return true;
  }

  /**
   * Frees cells by evicting idle streams.
   * @returns false if more cells become free only when running sequences end.
   */
  freeCells(cells: number): boolean {
    const { sharedCells } = this.options;
    if (sharedCells === null) return true;
    while (sharedCells - this.cellsUsed < cells) {
      if (!this.evict()) return !this.list.some(({ busy }) => busy);
    }
    return true;
  }

  /** Saves the state of a stream to host memory, unless it is short or another holder has its tokens. */
  save(stream: KvStream, minTokens = MIN_SAVED_TOKENS): void {
    if (stream.tokens.length < minTokens || this.pending.has(stream)) return;
    if (this.saved.isUsed && !this.search.isHeldElsewhere(stream)) {
      this.saved.add(this.stateOf(stream));
    }
  }

  /** The state of a stream whose cells are settled. */
  stateOf({ id, tokens, scope, checkpoints }: KvStream): SavedState {
    const state = this.memory.saveSequence(id);
    return { state, tokens: [...tokens], scope, checkpoints, lastUsed: this.tick() };
  }

  /** Restores a state into an empty stream. @returns false if it does not fit. */
  restoreState(stream: KvStream, state: Uint8Array<ArrayBuffer>): boolean {
    if (this.memory.restoreSequence(stream.id, state)) return true;
    // libllama keeps the cells of a partly restored state.
    this.memory.removeTokens(stream.id, -1, -1);
    return false;
  }

  /** Keeps a checkpoint of a holder in host memory. */
  addCheckpoint(holder: Holder, { position, state }: Omit<Checkpoint, "lastUsed">): void {
    this.saved.addCheckpoint(holder, { position, state, lastUsed: this.tick() });
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
    const former = this.list;
    for (const stream of former) this.index.delete(stream);
    this.pending.clear();
    // The old context is closed even if the other one cannot be opened.
    this.list = emptyStreams(former.length);
    try {
      const { memory, options } = open();
      this.memory = memory;
      this.options = options;
      this.list = emptyStreams(options.streams);
      this.#restoreStates(states);
    } finally {
      // Only now, because the new streams have checkpoints of the former ones.
      for (const stream of former) this.saved.setCheckpoints(stream, []);
    }
  }

  #restoreStates(states: readonly SavedState[]): void {
    const options = this.options;
    for (const [id, moved] of states.slice(0, options.streams).entries()) {
      const stream = this.list[id]!;
      if (!this.restoreState(stream, moved.state)) continue;
      append(stream.tokens, moved.tokens);
      stream.scope = moved.scope;
      stream.lastUsed = moved.lastUsed;
      stream.checkpoints = moved.checkpoints;
      this.index.set(stream, moved.tokens);
    }
  }

  /**
   * The states of idle streams, the most recently used first.
   * @param limit maximum bytes in total
   */
  #idleStates(limit: number): SavedState[] {
    const states: SavedState[] = [];
    let bytes = 0;
    for (const stream of this.list.toSorted((a, b) => b.lastUsed - a.lastUsed)) {
      if (stream.busy || this.pending.has(stream)) continue;
      if (stream.tokens.length < MIN_SAVED_TOKENS) continue;
      const size = this.memory.stateBytes(stream.id, false);
      if (bytes + size > limit) continue;
      bytes += size;
      const { lastUsed } = stream;
      states.push({ ...this.stateOf(stream), lastUsed });
    }
    return states;
  }

  /** Removes all states in host memory, which the next context cannot use. */
  forgetStates(): void {
    for (const holder of this.saved.holders) {
      if (!isStream(holder)) this.saved.remove(holder);
    }
  }
}

function emptyStreams(count: number): KvStream[] {
  return Array.from({ length: count }, (_, id) => ({
    ...{ id, tokens: [], scope: "", busy: false, lastUsed: 0, checkpoints: [], planned: [] },
  }));
}
