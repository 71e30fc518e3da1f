import { join } from "@std/path";
import { messageOf } from "../../errors.ts";
import { checkRegularFileSync } from "../../regular_file.ts";
import { crc32, sha256 } from "../../digest.ts";

const MAGIC = "SHIMMYS2";
/** End of the checksum, which covers everything after it. */
const HEAD = MAGIC.length + 4;
const EXTENSION = ".session";
/** Hexadecimal digits of hashes in file names: 128 bits. */
const DIGITS = 32;
/** Maximum total bytes of saved sessions. The least recently used sessions are deleted first. */
const MAX_BYTES = 2 * 2 ** 30;

/** Tokens of a sequence and its KV cache state. */
export interface SavedSession {
  readonly tokens: readonly number[];
  readonly state: Uint8Array<ArrayBuffer>;
}

/** Result of a lookup. */
export type SessionLookup =
  | { readonly status: "found"; readonly session: SavedSession }
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
 * fingerprint. File format: magic, CRC-32 of the rest, length of the fingerprint, fingerprint,
 * number of tokens, tokens, state. Numbers have 32 bits, little-endian.
 */
export class SessionStore {
  readonly #folder: string;
  readonly #fingerprint: string;

  /** @param folder is created when the first session is saved. */
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
   * Finds a session.
   * @param scope what the tokens are computed with besides the model, such as adapters.
   */
  find(name: string, scope = ""): SessionLookup {
    const fingerprint = this.#fingerprintOf(scope);
    const path = this.#path(name, fingerprint);
    try {
      checkRegularFileSync(path);
      const session = decode(Deno.readFileSync(path), fingerprint);
      if (session === null) return { status: "unreadable", reason: "Not a session file" };
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

  /** Whether a session of this name exists with any fingerprint. */
  #hasOther(name: string): boolean {
    const beginning = `${digest(name)}-`;
    try {
      return [...Deno.readDirSync(this.#folder)].some((file) =>
        file.name.startsWith(beginning) && file.name.endsWith(EXTENSION)
      );
    } catch {
      // The folder does not exist yet or is not readable.
      return false;
    }
  }

  /**
   * Saves a session, replacing an earlier one. Writes to a temporary file and renames it, so
   * readers never see a partial file.
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
        // The file was not created.
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

/** @throws {RangeError} if the file is truncated or damaged. */
function decode(bytes: Uint8Array<ArrayBuffer>, fingerprint: string): SavedSession | null {
  const view = new DataView(bytes.buffer);
  const text = (from: number, length: number) =>
    new TextDecoder().decode(bytes.subarray(from, from + length));
  if (text(0, MAGIC.length) !== MAGIC) return null;
  if (view.getUint32(MAGIC.length, true) !== crc32(bytes.subarray(HEAD))) {
    throw new RangeError("Session file is damaged: checksum mismatch");
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
