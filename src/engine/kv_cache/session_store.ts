import { join } from "@std/path";
import { messageOf } from "../../errors.ts";
import { crc32, sha256 } from "../../digest.ts";

const MAGIC = "SHIMMYS2";
/** Where the checksum ends, which is of all that follows it. */
const HEAD = MAGIC.length + 4;
const EXTENSION = ".session";
/** Hexadecimal digits that tell names and fingerprints apart: 128 bits. */
const DIGITS = 32;
/** Bytes that all saved sessions take together, at most; those used longest ago go first. */
const MAX_BYTES = 2 * 2 ** 30;

/** A sequence's tokens and its state in the KV cache. */
export interface SavedSession {
  readonly tokens: readonly number[];
  readonly state: Uint8Array<ArrayBuffer>;
}

/** What was found under a name. */
export type SessionLookup =
  | { readonly status: "found"; readonly session: SavedSession }
  | { readonly status: "missing" }
  /** One that another model, adapter, cache type or library left. */
  | { readonly status: "incompatible" }
  | { readonly status: "unreadable"; readonly reason: string };

/**
 * Named states of sequences on disk, so that a conversation goes on after a restart without computing
 * it again.
 *
 * A file belongs to one fingerprint: whatever makes a state unusable for another model, adapter, cache
 * type or library is part of it, and a file of another fingerprint is not read. Its name is made of the
 * session's and of the fingerprint. The file is the magic word, a CRC-32 of the rest, the length of the
 * fingerprint and it, the number of tokens and they, and the state; numbers have 32 bits, little-endian.
 */
export class SessionStore {
  readonly #folder: string;
  readonly #fingerprint: string;

  /** @param folder is made when the first session is saved. */
  constructor(folder: string, fingerprint: string) {
    this.#folder = folder;
    this.#fingerprint = fingerprint;
  }

  #path(name: string, fingerprint: string): string {
    return join(this.#folder, `${digest(name)}-${digest(fingerprint)}${EXTENSION}`);
  }

  #fingerprintOf(scope: string): string {
    return `${this.#fingerprint}\0${scope}`;
  }

  /**
   * Looks for the session of a name.
   * @param scope what it was computed with beside the model, such as its adapters.
   */
  find(name: string, scope = ""): SessionLookup {
    const fingerprint = this.#fingerprintOf(scope);
    const path = this.#path(name, fingerprint);
    try {
      const session = decode(Deno.readFileSync(path), fingerprint);
      if (session === null) return { status: "unreadable", reason: "It is no session's file" };
      const now = new Date();
      Deno.utimeSync(path, now, now);
      return { status: "found", session };
    } catch (error) {
      const { NotFound, NotADirectory } = Deno.errors;
      if (error instanceof NotFound || error instanceof NotADirectory) {
        return { status: this.#hasOther(name) ? "incompatible" : "missing" };
      }
      return { status: "unreadable", reason: messageOf(error) };
    }
  }

  /** Whether there is a session of that name with any fingerprint. */
  #hasOther(name: string): boolean {
    const beginning = `${digest(name)}-`;
    try {
      return [...Deno.readDirSync(this.#folder)].some((file) =>
        file.name.startsWith(beginning) && file.name.endsWith(EXTENSION)
      );
    } catch {
      // There is no folder yet, or nothing of it can be known.
      return false;
    }
  }

  /**
   * Saves a session in place of the one of that name before: a reader never sees half of it.
   * @throws {Error} of the system, such as a full disk.
   */
  save(name: string, session: SavedSession, scope = ""): void {
    Deno.mkdirSync(this.#folder, { recursive: true });
    const fingerprint = this.#fingerprintOf(scope);
    const path = this.#path(name, fingerprint);
    const temporary = `${path}.${Deno.pid}-${crypto.randomUUID()}`;
    try {
      Deno.writeFileSync(temporary, encode(session, fingerprint));
      Deno.renameSync(temporary, path);
    } catch (error) {
      try {
        Deno.removeSync(temporary);
      } catch {
        // It was never written.
      }
      throw error;
    }
    this.#prune();
  }

  #prune(): void {
    const files = [...Deno.readDirSync(this.#folder)]
      .filter(({ name }) => name.endsWith(EXTENSION))
      .map(({ name }) => {
        const path = join(this.#folder, name);
        const { size, mtime } = Deno.statSync(path);
        return { path, size, used: mtime?.getTime() ?? 0 };
      })
      .sort((a, b) => b.used - a.used);
    let bytes = 0;
    for (const { path, size } of files) {
      bytes += size;
      if (bytes > MAX_BYTES) Deno.removeSync(path);
    }
  }
}

function digest(text: string): string {
  return sha256().update(text).digest("hex").slice(0, DIGITS);
}

function encode({ tokens, state }: SavedSession, fingerprint: string): Uint8Array {
  const magic = new TextEncoder().encode(MAGIC);
  const print = new TextEncoder().encode(fingerprint);
  const bytes = new Uint8Array(HEAD + 8 + print.length + tokens.length * 4 + state.length);
  const view = new DataView(bytes.buffer);
  bytes.set(magic);
  let at = HEAD;
  view.setUint32(at, print.length, true);
  at += 4;
  bytes.set(print, at);
  at += print.length;
  view.setUint32(at, tokens.length, true);
  at += 4;
  for (const token of tokens) {
    view.setInt32(at, token, true);
    at += 4;
  }
  bytes.set(state, at);
  view.setUint32(magic.length, crc32(bytes.subarray(HEAD)), true);
  return bytes;
}

/** @throws {RangeError} where the file is cut off or damaged. */
function decode(bytes: Uint8Array<ArrayBuffer>, fingerprint: string): SavedSession | null {
  const view = new DataView(bytes.buffer);
  const text = (from: number, length: number) =>
    new TextDecoder().decode(bytes.subarray(from, from + length));
  if (text(0, MAGIC.length) !== MAGIC) return null;
  if (view.getUint32(MAGIC.length, true) !== crc32(bytes.subarray(HEAD))) {
    throw new RangeError("It is damaged: its checksum is another one");
  }
  const printLength = view.getUint32(HEAD, true);
  let at = HEAD + 4;
  if (text(at, printLength) !== fingerprint) return null;
  at += printLength;
  const count = view.getUint32(at, true);
  at += 4;
  const tokens = Array.from({ length: count }, (_, index) => view.getInt32(at + index * 4, true));
  return { tokens, state: bytes.slice(at + count * 4) };
}
