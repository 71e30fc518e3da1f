import { dirname } from "node:path";
import { addRange, bytesIn, gapsOf, type Range } from "./ranges.ts";

/** The expected file, as far as known before the download. */
export interface Identity {
  /** Size in bytes. */
  readonly size: number | null;
  readonly sha256: string | null;
}

/** Milliseconds between two writes of the journal. */
const SAVE_INTERVAL_MS = 2_000;

/**
 * An incomplete file and its journal, `PATH.json`, with the ranges that are written. A part without
 * a journal was written in order from the start.
 */
export class Part {
  readonly path: string;
  /** Size in bytes; `null` while unknown. */
  size: number | null;
  /** The server's version of the file: an `ETag`, otherwise `Last-Modified`. */
  validator: string | null = null;
  #written: Range[] = [];
  #saved = 0;
  #saving: Promise<void> = Promise.resolve();

  private constructor(path: string, readonly identity: Identity) {
    this.path = path;
    this.size = identity.size;
  }

  /**
   * Opens a part. Keeps the bytes of an earlier download if it is of the same file and can be
   * resumed.
   */
  static async open(path: string, identity: Identity): Promise<Part> {
    const part = new Part(path, identity);
    await Deno.mkdir(dirname(path), { recursive: true });
    const size = await sizeOf(path);
    const journal = size === null ? null : await readJournal(`${path}.json`);
    if (journal !== null) {
      const same = (identity.size ?? journal.size) === journal.size &&
        identity.sha256 === journal.sha256;
      // Without a checksum, only the server's validator shows whether the file is unchanged.
      const isVerifiable = identity.sha256 !== null || journal.validator !== null;
      if (!same || !isVerifiable) return await part.#discarded();
      part.size = journal.size;
      part.validator = journal.validator;
      part.#written = journal.done.reduce<Range[]>(addRange, []);
    } else if (size !== null && identity.sha256 !== null) {
      part.#written = addRange([], { start: 0, end: size });
    } else return await part.#discarded();
    // More bytes than expected, or fewer than the journal lists: the part is from another file, or
    // was truncated.
    const end = part.#written.at(-1)?.end ?? 0;
    return end > Math.min(size ?? 0, part.size ?? Infinity) ? await part.#discarded() : part;
  }

  async #discarded(): Promise<this> {
    await this.discard();
    return this;
  }

  /** Number of bytes that are written. */
  get bytes(): number {
    return bytesIn(this.#written);
  }

  get isComplete(): boolean {
    return this.size !== null && this.bytes === this.size;
  }

  /** Missing ranges. The last one ends at `Infinity` while the size is unknown. */
  get gaps(): Range[] {
    return gapsOf(this.#written, this.size ?? Infinity);
  }

  /** Opens the file for writing at an offset. Each writer needs its own handle. */
  async writer(start: number): Promise<Deno.FsFile> {
    const file = await Deno.open(this.path, { create: true, write: true });
    await file.seek(start, Deno.SeekMode.Start);
    return file;
  }

  /** Records a written range, and periodically saves the journal. */
  markWritten(range: Range): void {
    this.#written = addRange(this.#written, range);
    if (performance.now() - this.#saved < SAVE_INTERVAL_MS) return;
    this.#saved = performance.now();
    // A failed journal write affects only a later resume, not this download.
    this.#saving = this.#saving.then(() => this.#write()).catch(() => {});
  }

  /** Saves the journal. */
  async save(): Promise<void> {
    await this.#saving;
    await this.#write();
  }

  async #write(): Promise<void> {
    const { size, validator } = this;
    if (size === null) return;
    // The listed bytes must be on disk before the journal, even after a power failure.
    const done = this.#written;
    {
      using file = await Deno.open(this.path, { create: true, write: true });
      await file.syncData();
    }
    const journal: Journal = { size, sha256: this.identity.sha256, validator, done };
    await Deno.writeTextFile(`${this.path}.json.new`, JSON.stringify(journal));
    await Deno.rename(`${this.path}.json.new`, `${this.path}.json`);
  }

  /** Deletes the part and its journal. */
  async discard(): Promise<void> {
    await this.#saving;
    this.#written = [];
    this.size = this.identity.size;
    this.validator = null;
    await removeIfThere(this.path);
    await removeIfThere(`${this.path}.json`);
  }

  /** Renames the complete file to its final path. */
  async finish(path: string): Promise<void> {
    await this.#saving;
    {
      // After a power failure, a renamed file is empty if its bytes were not synced.
      using file = await Deno.open(this.path, { create: true, write: true });
      await file.truncate(this.size ?? 0);
      await file.sync();
    }
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.rename(this.path, path);
    await removeIfThere(`${this.path}.json`);
  }
}

interface Journal {
  readonly size: number;
  readonly sha256: string | null;
  readonly validator: string | null;
  readonly done: readonly Range[];
}

async function readJournal(path: string): Promise<Journal | null> {
  try {
    const journal: Partial<Journal> | null = JSON.parse(await Deno.readTextFile(path));
    const { size, sha256 = null, validator = null, done } = journal ?? {};
    const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;
    if (!isCount(size) || !Array.isArray(done)) return null;
    if (!done.every((range) => isCount(range?.start) && isCount(range?.end))) return null;
    return { size: size!, sha256, validator, done };
  } catch {
    return null;
  }
}

/** Size of a file in bytes, or `null` if the file does not exist. */
export async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Removes a file if it exists. */
export async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
