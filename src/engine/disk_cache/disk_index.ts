import { join } from "node:path";
import { parseName, type StateName } from "./file_name.ts";
import { readHead } from "./read_head.ts";
import { DamagedStateFile } from "./state_file.ts";
import type { StateHead } from "./state_head.ts";
import { PrefixChecksums, usableTokens } from "./token_marks.ts";

/** Milliseconds after a change of the folder in which another change may leave its time as it is. */
const TIME_GRAIN = 1000;

/** A file of the cache, of any model. */
export interface IndexedFile extends StateName {
  readonly name: string;
  readonly size: number;
  /** Null for files with another fingerprint, and for states that are longer than a sequence. */
  readonly head: StateHead | null;
}

/** A file that has the beginning of a prompt. */
export interface DiskMatch {
  readonly file: IndexedFile;
  /** Tokens of the prompt that its state provides, at least. */
  readonly length: number;
}

/** What a prompt can use. */
export interface DiskQuery {
  readonly tokens: readonly number[];
  readonly scope: string;
  /** Maximum tokens of a prefix. */
  readonly limit: number;
  /** Tokens that a match needs, at least. */
  readonly atLeast: number;
}

/** What the files of a folder are used for. */
export interface DiskIndexOptions {
  readonly folder: string;
  /** Everything that makes a state unusable for another model, KV cache type or library. */
  readonly fingerprint: string;
  /** Whether a state may be truncated at any token. */
  readonly canTruncate: boolean;
  /** Maximum tokens of a sequence. */
  readonly sequenceLength: number;
}

/**
 * The files of a cache folder. Files are named and marked when they are written and never change, so the
 * index reads each head once. Another process may add and remove files at any time.
 */
export class DiskIndex {
  readonly #folder: string;
  readonly #fingerprint: string;
  readonly #hash: string;
  readonly #canTruncate: boolean;
  readonly #maxTokens: number;
  readonly #files = new Map<string, IndexedFile>();
  /** Modification time of the folder when it was last read; null to read it again. */
  #modified: number | null = null;

  /** @param hash the hash of the fingerprint in names */
  constructor(
    { folder, fingerprint, canTruncate, sequenceLength }: DiskIndexOptions,
    hash: string,
  ) {
    this.#folder = folder;
    this.#fingerprint = fingerprint;
    this.#hash = hash;
    this.#canTruncate = canTruncate;
    this.#maxTokens = sequenceLength;
  }

  get files(): readonly IndexedFile[] {
    return [...this.#files.values()];
  }

  get bytes(): number {
    return this.files.reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Reads the folder if it has changed. Removes files with a damaged head.
   * @returns failures.
   */
  refresh(): unknown[] {
    try {
      const modified = Deno.statSync(this.#folder).mtime?.getTime() ?? null;
      if (modified !== null && modified === this.#modified) return [];
      this.#modified = modified === null || Date.now() - modified < TIME_GRAIN ? null : modified;
      return this.#read();
    } catch (error) {
      this.#files.clear();
      // The folder is made when the first state is written.
      return error instanceof Deno.errors.NotFound ? [] : [error];
    }
  }

  #read(): unknown[] {
    const failures: unknown[] = [];
    const present = new Set<string>();
    for (const { name } of Deno.readDirSync(this.#folder)) {
      const parsed = parseName(name);
      if (parsed === null) continue;
      present.add(name);
      if (this.#files.has(name)) continue;
      try {
        this.#add(name, parsed);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) continue;
        failures.push(error);
        if (error instanceof DamagedStateFile) removeIfPossible(join(this.#folder, name));
      }
    }
    for (const name of this.#files.keys()) if (!present.has(name)) this.#files.delete(name);
    return failures;
  }

  #add(name: string, parsed: StateName): void {
    const path = join(this.#folder, name);
    const isOwn = parsed.fingerprint === this.#hash && parsed.tokens <= this.#maxTokens;
    const { size } = Deno.statSync(path);
    const head = isOwn ? readHead(path) : null;
    if (head !== null && head.fingerprint !== this.#fingerprint) return;
    this.#files.set(name, { ...parsed, name, size, head });
  }

  /** Forgets a file that was removed. */
  delete(name: string): void {
    this.#files.delete(name);
  }

  /** The file with the longest usable prefix of a prompt; the smallest one of several. */
  find({ tokens, scope, limit, atLeast }: DiskQuery): DiskMatch | null {
    const checksums = new PrefixChecksums(tokens, scope);
    let best: DiskMatch | null = null;
    for (const file of this.#files.values()) {
      if (file.head?.scope !== scope) continue;
      const length = usableTokens(file.head.marks, checksums, limit, this.#canTruncate);
      if (length < Math.max(1, atLeast, best?.length ?? 0)) continue;
      if (best !== null && length === best.length && file.size >= best.file.size) continue;
      best = { file, length };
    }
    return best;
  }

  /** Files whose states a longer state provides. Only a state that can be truncated replaces others. */
  replacedBy(tokens: readonly number[], scope: string): IndexedFile[] {
    if (!this.#canTruncate) return [];
    const checksums = new PrefixChecksums(tokens, scope);
    return this.files.filter(({ head }) =>
      head?.scope === scope && head.marks.length < tokens.length &&
      checksums.at(head.marks.length) === head.marks.whole
    );
  }
}

function removeIfPossible(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // The folder is read-only, or another process has removed the file.
  }
}
