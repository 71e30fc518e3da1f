import { createHash } from "node:crypto";
import { join } from "@std/path";

const MAGIC = "SHIMMYS1";
/** Bytes that all saved sessions take together, at most; those used longest ago go first. */
const MOST_BYTES = 2 * 2 ** 30;

/** A sequence's tokens and its state in the KV cache. */
export interface SavedSession {
  readonly tokens: readonly number[];
  readonly state: Uint8Array<ArrayBuffer>;
}

/**
 * Named states of sequences on disk, so that a conversation goes on after a restart without computing
 * it again.
 *
 * A file belongs to one fingerprint: whatever makes a state unusable for another model, adapter, cache
 * type or library is part of it, and a file of another fingerprint is not read. The file is the magic
 * word, the length of the fingerprint and it, the number of tokens and they, and the state; numbers have
 * 32 bits, little-endian.
 */
export class SessionStore {
  readonly #folder: string;
  readonly #fingerprint: string;

  /** @param folder is made when the first session is saved. */
  constructor(folder: string, fingerprint: string) {
    this.#folder = folder;
    this.#fingerprint = fingerprint;
  }

  #path(name: string): string {
    const key = createHash("sha256").update(`${this.#fingerprint}\0${name}`).digest("hex");
    return join(this.#folder, `${key}.session`);
  }

  /** The session of a name; null where there is none that fits, or none that is whole. */
  load(name: string): SavedSession | null {
    try {
      const path = this.#path(name);
      const session = decode(Deno.readFileSync(path), this.#fingerprint);
      const now = new Date();
      Deno.utimeSync(path, now, now);
      return session;
    } catch {
      return null;
    }
  }

  /**
   * Saves a session in place of the one of that name before: a reader never sees half of it.
   * @throws {Error} of the system, such as a full disk.
   */
  save(name: string, session: SavedSession): void {
    Deno.mkdirSync(this.#folder, { recursive: true });
    const path = this.#path(name);
    const temporary = `${path}.${Deno.pid}-${crypto.randomUUID()}`;
    try {
      Deno.writeFileSync(temporary, encode(session, this.#fingerprint));
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
      .filter(({ name }) => name.endsWith(".session"))
      .map(({ name }) => {
        const path = join(this.#folder, name);
        const { size, mtime } = Deno.statSync(path);
        return { path, size, used: mtime?.getTime() ?? 0 };
      })
      .sort((a, b) => b.used - a.used);
    let bytes = 0;
    for (const { path, size } of files) {
      bytes += size;
      if (bytes > MOST_BYTES) Deno.removeSync(path);
    }
  }
}

function encode({ tokens, state }: SavedSession, fingerprint: string): Uint8Array {
  const magic = new TextEncoder().encode(MAGIC);
  const print = new TextEncoder().encode(fingerprint);
  const bytes = new Uint8Array(magic.length + 8 + print.length + tokens.length * 4 + state.length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  bytes.set(magic);
  at += magic.length;
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
  return bytes;
}

/** @throws {RangeError} where the file is cut off. */
function decode(bytes: Uint8Array<ArrayBuffer>, fingerprint: string): SavedSession | null {
  const view = new DataView(bytes.buffer);
  const text = (from: number, length: number) =>
    new TextDecoder().decode(bytes.subarray(from, from + length));
  if (text(0, MAGIC.length) !== MAGIC) return null;
  const printLength = view.getUint32(MAGIC.length, true);
  let at = MAGIC.length + 4;
  if (text(at, printLength) !== fingerprint) return null;
  at += printLength;
  const count = view.getUint32(at, true);
  at += 4;
  const tokens = Array.from({ length: count }, (_, index) => view.getInt32(at + index * 4, true));
  return { tokens, state: bytes.slice(at + count * 4) };
}
