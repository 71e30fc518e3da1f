import { dirname } from "@std/path";
import { addRange, bytesIn, gapsOf, type Range } from "./ranges.ts";

/** What a download is of, as far as it is known before it begins. */
export interface Identity {
  /** In bytes. */
  readonly size: number | null;
  readonly sha256: string | null;
}

/** Milliseconds between two states of the journal on the disk. */
const SAVE_MS = 2_000;

/**
 * A file that is being downloaded, with a journal beside it, `PATH.json`, of the ranges that are there.
 * A part without a journal was written from its beginning on and in order.
 */
export class Part {
  readonly path: string;
  /** In bytes; `null` while it is not known. */
  size: number | null;
  /** The server's own name for this state of the file: an `ETag`, else `Last-Modified`. */
  validator: string | null = null;
  #done: Range[] = [];
  #saved = 0;
  #saving: Promise<void> = Promise.resolve();

  private constructor(path: string, readonly identity: Identity) {
    this.path = path;
    this.size = identity.size;
  }

  /** What an earlier download left, where it is of the same file and can be continued; else nothing. */
  static async open(path: string, identity: Identity): Promise<Part> {
    const part = new Part(path, identity);
    await Deno.mkdir(dirname(path), { recursive: true });
    const size = await sizeOf(path);
    const journal = size === null ? null : await readJournal(`${path}.json`);
    if (journal !== null) {
      const same = (identity.size ?? journal.size) === journal.size &&
        identity.sha256 === journal.sha256;
      // Without a checksum only the server can tell whether its file is still the same.
      const verifiable = identity.sha256 !== null || journal.validator !== null;
      if (!same || !verifiable) return await part.#emptied();
      part.size = journal.size;
      part.validator = journal.validator;
      part.#done = journal.done.reduce<Range[]>(addRange, []);
    } else if (size !== null && identity.sha256 !== null) {
      part.#done = addRange([], { start: 0, end: size });
    } else return await part.#emptied();
    // More than was wanted, or marked as there and not: it is of another file, or somebody cut it.
    const end = part.#done.at(-1)?.end ?? 0;
    return end > Math.min(size ?? 0, part.size ?? Infinity) ? await part.#emptied() : part;
  }

  async #emptied(): Promise<this> {
    await this.discard();
    return this;
  }

  /** Bytes that are there. */
  get bytes(): number {
    return bytesIn(this.#done);
  }

  get whole(): boolean {
    return this.size !== null && this.bytes === this.size;
  }

  /** What is missing; up to `Infinity` while the size is not known. */
  get gaps(): Range[] {
    return gapsOf(this.#done, this.size ?? Infinity);
  }

  /** A file to write to from an offset on. Everybody who writes needs one of their own. */
  async writer(start: number): Promise<Deno.FsFile> {
    const file = await Deno.open(this.path, { create: true, write: true });
    await file.seek(start, Deno.SeekMode.Start);
    return file;
  }

  /** Notes that a range is written, and now and then tells the journal. */
  mark(range: Range): void {
    this.#done = addRange(this.#done, range);
    if (performance.now() - this.#saved < SAVE_MS) return;
    this.#saved = performance.now();
    // A journal that cannot be written costs a later download, and not this one.
    this.#saving = this.#saving.then(() => this.#write()).catch(() => {});
  }

  /** Brings the journal up to date. */
  async save(): Promise<void> {
    await this.#saving;
    await this.#write();
  }

  async #write(): Promise<void> {
    const { size, validator } = this;
    if (size === null) return;
    // What the journal says is there must be, even after a power cut.
    const done = this.#done;
    {
      using file = await Deno.open(this.path, { create: true, write: true });
      await file.syncData();
    }
    const journal: Journal = { size, sha256: this.identity.sha256, validator, done };
    await Deno.writeTextFile(`${this.path}.json.new`, JSON.stringify(journal));
    await Deno.rename(`${this.path}.json.new`, `${this.path}.json`);
  }

  /** Throws away what is there. */
  async discard(): Promise<void> {
    await this.#saving;
    this.#done = [];
    this.size = this.identity.size;
    this.validator = null;
    await removeIfThere(this.path);
    await removeIfThere(`${this.path}.json`);
  }

  /** Gives the whole file its name. */
  async finish(path: string): Promise<void> {
    await this.#saving;
    {
      // After a power cut a renamed file whose bytes were not on the disk yet would be empty.
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

/** A file's size in bytes, or `null` where there is none. */
export async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Removes a file that may be gone already. */
export async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
