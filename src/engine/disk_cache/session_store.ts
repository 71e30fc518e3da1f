import { join } from "node:path";
import { messageOf } from "../../errors.ts";
import { checkRegularFileSync } from "../../regular_file.ts";
import { sha256 } from "../../digest.ts";
import { readHead } from "./read_head.ts";
import { decodeState, sizeOfState, type StoredState } from "./state_file.ts";
import { NO_ROWS, type RowNames } from "./row_names.ts";
import type { StateOrigin } from "./state_head.ts";
import { CannotSave, UNFINISHED_MS, writeStateSync } from "./write_state.ts";

const EXTENSION = ".session";
/** The name of a session that is being written, or whose process has ended meanwhile. */
const UNFINISHED_SESSION = /\.session\.[\w-]+\.tmp$/;
/** Hexadecimal digits of hashes in file names: 128 bits. */
const DIGITS = 32;
/** Default maximum total bytes of saved sessions. The least recently used sessions are deleted first. */
const MAX_BYTES = 2 * 2 ** 30;

/** Result of a lookup. */
export type SessionLookup =
  | { readonly status: "found"; readonly session: StoredState }
  | { readonly status: "missing" }
  /** A session saved with another model, adapter, cache type or library. */
  | { readonly status: "incompatible" }
  | { readonly status: "unreadable"; readonly reason: string };

/**
 * KV cache states saved on disk by session name, so that a conversation continues after a restart
 * without prefill.
 *
 * A file belongs to one fingerprint: everything that makes a state unusable for another model,
 * adapter, cache type or library. The file name is made of hashes of the session name and the
 * fingerprint. The format of the files is that of the disk cache.
 *
 * The version of a session is `savedAt`: milliseconds since the epoch, and more than the version before, also where
 * another server with another clock has saved that one.
 */
export class SessionStore {
  readonly #folder: string;
  readonly #fingerprint: string;
  readonly #maxBytes: number;
  readonly #names: RowNames;

  /**
   * @param folder is created when the first session is saved.
   * @param maxBytes maximum total bytes of saved sessions.
   * @param names names of the rows of media files.
   */
  constructor(folder: string, fingerprint: string, maxBytes = MAX_BYTES, names = NO_ROWS) {
    this.#folder = folder;
    this.#fingerprint = fingerprint;
    this.#maxBytes = maxBytes;
    this.#names = names;
  }

  #path(name: string, { fingerprint, scope }: StateOrigin): string {
    const origin = digest(`${fingerprint}\0${scope}`);
    return join(this.#folder, `${digest(name)}-${origin}${EXTENSION}`);
  }

  /**
   * Finds a session.
   * @param scope what the tokens are computed with besides the model, such as adapters.
   */
  find(name: string, scope = ""): SessionLookup {
    const origin = { fingerprint: this.#fingerprint, scope };
    const path = this.#path(name, origin);
    try {
      checkRegularFileSync(path);
      const session = decodeState(Deno.readFileSync(path), origin);
      if (session === null) return { status: "unreadable", reason: "Not the file of the session" };
      const tokens = this.#names.fromFile(session);
      if (tokens === null) return { status: "incompatible" };
      touch(path);
      const { state, checkpoints, savedAt } = session;
      const version = savedAt === undefined ? {} : { savedAt };
      return { status: "found", session: { tokens, state, checkpoints, ...version } };
    } catch (error) {
      const { NotFound, NotADirectory } = Deno.errors;
      if (error instanceof NotFound || error instanceof NotADirectory) {
        return { status: this.#hasOther(name) ? "incompatible" : "missing" };
      }
      return { status: "unreadable", reason: messageOf(error) };
    }
  }

  /** The version of a session, without reading its state; 0 if there is none that can be read. */
  version(name: string, scope = ""): number {
    try {
      return readHead(this.#path(name, { fingerprint: this.#fingerprint, scope })).savedAt ?? 1;
    } catch {
      return 0;
    }
  }

  /** Whether a session of this name exists with any fingerprint. */
  #hasOther(name: string): boolean {
    try {
      return this.#filesOf(name).length > 0;
    } catch {
      // The folder does not exist yet or is not readable.
      return false;
    }
  }

  /** Paths of the sessions of a name, with any fingerprint. */
  #filesOf(name: string): string[] {
    const beginning = `${digest(name)}-`;
    return [...Deno.readDirSync(this.#folder)]
      .filter((file) => file.name.startsWith(beginning) && file.name.endsWith(EXTENSION))
      .map((file) => join(this.#folder, file.name));
  }

  /**
   * Deletes the sessions of a name, also those of other models.
   * @returns the number of them.
   * @throws {Error} of the system.
   */
  delete(name: string): number {
    let files: string[];
    try {
      files = this.#filesOf(name);
    } catch (error) {
      const { NotFound, NotADirectory } = Deno.errors;
      if (error instanceof NotFound || error instanceof NotADirectory) return 0;
      throw error;
    }
    for (const path of files) remove(path);
    return files.length;
  }

  /**
   * Saves a session, replacing an earlier one. Readers never see a partial file.
   * @throws {CannotSave} if the session is larger than all sessions may be, or has a media file that is not known any
   * more.
   * @throws {Error} of the system, such as a full disk.
   */
  save(name: string, { tokens, state, checkpoints, savedAt }: StoredState, scope = ""): void {
    const origin = { fingerprint: this.#fingerprint, scope };
    const named = this.#names.toFile(tokens);
    if (named === null) throw new CannotSave("one of its images or sounds is not known any more");
    const version = savedAt === undefined ? {} : { savedAt };
    const session = { ...named, state, checkpoints, ...version };
    const size = sizeOfState(session, origin);
    if (size > this.#maxBytes) {
      throw new CannotSave(`it has ${size} bytes, and all sessions may have ${this.#maxBytes}`);
    }
    writeStateSync(this.#path(name, origin), session, origin);
    this.#prune();
  }

  /** Removes the least recently used sessions beyond the limit, and what ended processes left unfinished. */
  #prune(): void {
    const files: StoredFile[] = [];
    for (const { name } of Deno.readDirSync(this.#folder)) {
      const path = join(this.#folder, name);
      if (name.endsWith(EXTENSION)) files.push(...statOf(path));
      else if (UNFINISHED_SESSION.test(name)) {
        for (const { used } of statOf(path)) if (Date.now() - used > UNFINISHED_MS) remove(path);
      }
    }
    let bytes = 0;
    for (const { path, size } of files.sort((a, b) => b.used - a.used)) {
      if (bytes + size > this.#maxBytes) remove(path);
      else bytes += size;
    }
  }
}

interface StoredFile {
  readonly path: string;
  readonly size: number;
  /** Time of the last use in milliseconds since the epoch. */
  readonly used: number;
}

/** Nothing for a file that another process has removed. */
function statOf(path: string): StoredFile[] {
  try {
    const { size, mtime } = Deno.statSync(path);
    return [{ path, size, used: mtime?.getTime() ?? 0 }];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Removes a file, unless another process has removed it. */
function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Marks a file as used. Only the order of removal depends on it, so that a read-only file is no error. */
function touch(path: string): void {
  const now = new Date();
  try {
    Deno.utimeSync(path, now, now);
  } catch {
    // The folder is read-only, or another process has removed the file.
  }
}

function digest(text: string): string {
  return sha256().update(text).digest("hex").slice(0, DIGITS);
}
