import { join } from "node:path";
import type { DiskCacheStatus } from "../protocol/mod.ts";
import { DiskIndex, type DiskIndexOptions, type DiskMatch, type DiskQuery } from "./disk_index.ts";
import { type DiskLimits, makeRoom, removeFile } from "./eviction.ts";
import { formatName, hashText, hashTokens } from "./file_name.ts";
import { NO_ROWS, type RowNames } from "./row_names.ts";
import { DamagedStateFile, decodeState, sizeOfState, type StoredState } from "./state_file.ts";
import { BLOCK } from "./token_marks.ts";
import { type OpenFile, reasonOf, writeState, WriteTimeout } from "./write_state.ts";

/** States that wait to be written, at most; more are dropped. */
const MAX_WAITING = 4;

/** A state of a scope. */
export interface ScopedState extends StoredState {
  readonly scope: string;
}

/** What a disk cache is made for. */
export interface DiskCacheOptions {
  readonly folder: string;
  readonly limits: DiskLimits;
  /** Identifies the model's file by its path. */
  readonly model: string;
  /** Names of the rows of media files. Default: the model reads no media files. */
  readonly names?: RowNames;
  /** @default {Deno.open} */
  readonly open?: OpenFile;
}

/** What the states of the current context depend on. */
export type DiskCacheTarget = Omit<DiskIndexOptions, "folder">;

/** The states of one fingerprint. */
interface Target {
  readonly fingerprint: string;
  readonly hash: string;
  readonly index: DiskIndex;
}

/**
 * States of sequences on disk, for later requests and later processes. Several processes may share a folder:
 * files are renamed when they are complete, never change, and may disappear at any time.
 */
export class DiskCache {
  readonly #options: DiskCacheOptions;
  readonly #model: string;
  #target!: Target;
  readonly #waiting: (() => Promise<unknown>)[] = [];
  #writing: Promise<void> | null = null;
  #onNotice: (notice: string) => void = () => {};
  readonly #notices: string[] = [];
  #hits = 0;
  #misses = 0;
  #writes = 0;
  #failures = 0;

  /** Call `use` before other methods. */
  constructor(options: DiskCacheOptions) {
    this.#options = options;
    this.#model = hashText(options.model);
  }

  /** Uses the states of a context. Call it again when the context is replaced. */
  use(target: DiskCacheTarget): void {
    const { fingerprint } = target;
    const hash = hashText(fingerprint);
    const isFirst = this.#target === undefined;
    const index = new DiskIndex({ ...target, folder: this.#options.folder }, hash);
    this.#target = { fingerprint, hash, index };
    this.#refresh();
    const others =
      index.files.filter((file) => file.model === this.#model && file.fingerprint !== hash).length;
    if (others === 0 || !isFirst) return;
    this.#note(
      `${others} states of this model were saved with another version of its file or of libllama, or ` +
        "with another KV cache; their prompts are computed again",
    );
  }

  get #index(): DiskIndex {
    return this.#target.index;
  }

  get #names(): RowNames {
    return this.#options.names ?? NO_ROWS;
  }

  /** Whether a file has a state for the current context. */
  isCurrent({ file }: DiskMatch): boolean {
    return file.fingerprint === this.#target.hash;
  }

  /** Tokens that a state must save to be worth a file: computing fewer is as fast as reading. */
  readonly minTokens = 64;

  /** Receives each notice once, earlier ones at once. */
  set onNotice(listener: (notice: string) => void) {
    this.#onNotice = listener;
    for (const notice of this.#notices) listener(notice);
  }

  /** Finds a file with the beginning of a prompt. */
  find(query: DiskQuery): DiskMatch | null {
    const match = this.#match(query);
    if (match === null) this.#misses++;
    return match;
  }

  /** Tokens of a prompt that a file has. */
  reach(query: DiskQuery): number {
    return this.#match(query)?.length ?? 0;
  }

  #match(query: DiskQuery): DiskMatch | null {
    this.#refresh();
    const named = this.#names.toFile(query.tokens);
    return named && this.#index.find({ ...query, tokens: named.tokens });
  }

  /**
   * Reads the state of a file.
   * @returns null if the file has disappeared, is damaged or cannot be read; then it is forgotten.
   */
  async read({ file }: DiskMatch): Promise<ScopedState | null> {
    const { folder } = this.#options;
    const { name } = file;
    const { scope } = file.head!;
    const path = join(folder, name);
    try {
      const stored = decodeState(await Deno.readFile(path), file.head!);
      const tokens = stored && this.#names.fromFile(stored);
      if (stored === null || tokens === null) {
        throw new DamagedStateFile("The file has another origin");
      }
      this.#hits++;
      const now = new Date();
      // Only the order of eviction depends on it.
      await Deno.utime(path, now, now).catch(() => {});
      const { state, checkpoints } = stored;
      return { tokens, state, checkpoints, scope };
    } catch (error) {
      this.#index.delete(name);
      this.#misses++;
      if (error instanceof Deno.errors.NotFound) return null;
      this.#failed(error);
      if (error instanceof DamagedStateFile) await removeFile(folder, name).catch(() => {});
      return null;
    }
  }

  /** Forgets a file whose state libllama does not accept. */
  refuse({ file }: DiskMatch): void {
    this.#index.delete(file.name);
    this.#failures++;
    this.#note("libllama does not accept a saved state; its prompt is computed again");
  }

  /** Whether a state with these tokens is worth a file. */
  wants(tokens: readonly number[], scope: string): boolean {
    const named = tokens.length < this.minTokens ? null : this.#names.toFile(tokens);
    return named !== null && this.#lacks(named.tokens, scope);
  }

  /** Whether no file has the tokens, which are as in files. */
  #lacks(tokens: readonly number[], scope: string): boolean {
    // Another process may have removed a file.
    this.#refresh();
    // A file with all blocks of the tokens saves nearly as much.
    const atLeast = tokens.length - tokens.length % BLOCK;
    const query = { tokens, scope, limit: tokens.length, atLeast };
    return this.#index.find(query) === null;
  }

  /** A state as in a file; null if it is not worth one. */
  #wanted(stored: ScopedState): ScopedState | null {
    if (stored.tokens.length < this.minTokens) return null;
    const named = this.#names.toFile(stored.tokens);
    return named && this.#lacks(named.tokens, stored.scope) ? { ...stored, ...named } : null;
  }

  /**
   * Writes a state later, unless too many wait already.
   * @param computeMs time to compute it
   */
  spill(stored: ScopedState, computeMs: number): void {
    if (this.#waiting.length >= MAX_WAITING) return;
    const wanted = this.#wanted(stored);
    if (wanted === null) return;
    const target = this.#target;
    this.#waiting.push(() => this.#write(wanted, computeMs, Infinity, target));
    this.#writing ??= this.#writeWaiting().finally(() => this.#writing = null);
  }

  async #writeWaiting(): Promise<void> {
    for (let next; (next = this.#waiting.shift()) !== undefined;) {
      await next();
    }
  }

  /** Whether states are being written. */
  get isWriting(): boolean {
    return this.#writing !== null;
  }

  /** Resolves when all waiting states are written. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  /**
   * Writes a state, after evicting the least useful files. A failure becomes a notice.
   *
   * @param deadline time of `performance.now()` after which writing stops
   * @returns whether the state is on disk.
   */
  async write(stored: ScopedState, computeMs: number, deadline = Infinity): Promise<boolean> {
    const wanted = this.#wanted(stored);
    return wanted !== null && await this.#write(wanted, computeMs, deadline, this.#target);
  }

  async #write(
    stored: ScopedState,
    computeMs: number,
    deadline: number,
    { fingerprint, hash, index }: Target,
  ): Promise<boolean> {
    const { folder, limits, open } = this.#options;
    const { tokens, scope } = stored;
    const size = sizeOfState(stored, { fingerprint, scope });
    if (size > Math.min(limits.model, limits.total)) {
      this.#note("a state is larger than the disk cache and is not saved");
      return false;
    }
    const name = formatName({
      model: this.#model,
      fingerprint: hash,
      id: hashTokens(tokens, scope),
      tokens: tokens.length,
      computeMs,
    });
    try {
      const evicted = await makeRoom(folder, { model: this.#model, size }, limits);
      for (const one of evicted) index.delete(one);
      await writeState(join(folder, name), stored, { fingerprint, scope }, deadline, open);
      this.#writes++;
      for (const replaced of index.replacedBy(tokens, scope)) {
        index.delete(replaced.name);
        await removeFile(folder, replaced.name);
      }
      this.#refresh();
      return true;
    } catch (error) {
      if (error instanceof WriteTimeout) return false;
      this.#failures++;
      this.#note(`a state was not saved, because ${reasonOf(error)}`);
      return false;
    }
  }

  get status(): DiskCacheStatus {
    const { limits } = this.#options;
    return {
      bytes: this.#index.bytes,
      limitBytes: Math.min(limits.total, limits.model),
      files: this.#index.files.length,
      hits: this.#hits,
      misses: this.#misses,
      writes: this.#writes,
      failures: this.#failures,
      notices: [...this.#notices],
    };
  }

  #refresh(): void {
    for (const error of this.#index.refresh()) this.#failed(error);
  }

  /** A file or the folder cannot be read. */
  #failed(error: unknown): void {
    this.#failures++;
    this.#note(
      error instanceof DamagedStateFile
        ? "a file is damaged and was removed; its prompt is computed again"
        : "the folder or a file cannot be read; prompts are computed again",
    );
  }

  #note(what: string): void {
    const notice = `Disk cache: ${what}`;
    if (this.#notices.includes(notice)) return;
    this.#notices.push(notice);
    this.#onNotice(notice);
  }
}
