import { ShimmyError } from "../../errors.ts";

/**
 * Maximum bytes of a header. The largest headers have vocabularies of 256,000 tokens with merges,
 * about 16 MB. The limit stops a malicious file from causing a read of the whole disk.
 */
const MAX_HEADER_BYTES = 256 * 1024 * 1024;

/** Maximum bytes of a string value that is kept. Every chat template fits. */
export const MAX_STRING_BYTES = 1024 * 1024;

/** Bytes read at a time. A string that is kept must fit in this window. */
const WINDOW_BYTES = MAX_STRING_BYTES;

/**
 * Bytes of the first read. Most headers end within it; only large vocabularies need full windows.
 */
const FIRST_READ_BYTES = 64 * 1024;

/** Receives the bytes of a string, from `start` to `end` of a buffer that is reused afterwards. */
export type VisitString = (buffer: Uint8Array, start: number, end: number) => void;

const decoder = new TextDecoder();

/**
 * Makes an error for a file that cannot be a model. The message is a reason that can follow a file
 * name.
 */
export function malformed(reason: string): ShimmyError {
  return new ShimmyError("backend", reason);
}

/**
 * Reads little-endian values from a file in order, one window at a time.
 *
 * The caller first makes bytes available with {@linkcode ensure} and then reads them synchronously.
 * One await per value would cost more than the read, because a header has hundreds of thousands of
 * values.
 */
export class GgufCursor {
  readonly #file: Deno.FsFile;
  readonly #size: number;
  #window = new Uint8Array(FIRST_READ_BYTES);
  #view = new DataView(this.#window.buffer);
  /** Offset of the window's first byte in the file. */
  #origin = 0;
  #at = 0;
  #end = 0;

  constructor(file: Deno.FsFile, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** File offset of the next byte. */
  get position(): number {
    return this.#origin + this.#at;
  }

  /** Makes the next `count` bytes available to the synchronous readers. */
  async ensure(count: number): Promise<void> {
    if (this.#end - this.#at >= count) return;
    this.#check(count);
    if (count > WINDOW_BYTES) throw malformed(`a value of ${count} bytes in its header`);
    const rest = this.#window.subarray(this.#at, this.#end);
    if (this.#origin > 0 || this.#end > 0) this.#grow(rest);
    this.#origin += this.#at;
    this.#at = 0;
    this.#end = rest.length;
    while (this.#end < count) {
      const read = await this.#file.read(this.#window.subarray(this.#end));
      if (read === null) throw this.#truncated();
      this.#end += read;
    }
  }

  /** Skips `count` bytes without reading them. */
  async skip(count: number): Promise<void> {
    const inWindow = this.#end - this.#at;
    if (count <= inWindow) {
      this.#at += count;
      return;
    }
    this.#check(count);
    const target = this.position + count;
    await this.#file.seek(target, Deno.SeekMode.Start);
    this.#origin = target;
    this.#at = 0;
    this.#end = 0;
  }

  /** Skips `count` strings. */
  async skipStrings(count: number): Promise<void> {
    for (let left = count; left > 0;) {
      await this.ensure(8);
      let at = this.#at;
      while (left > 0 && at + 8 <= this.#end) {
        at += 8 + this.#lengthAt(at);
        left--;
      }
      await this.skip(at - this.#at);
    }
  }

  /** Passes each of `count` strings to a function. */
  async strings(count: number, visit: VisitString): Promise<void> {
    for (let left = count; left > 0;) {
      await this.ensure(8);
      const bytes = 8 + this.#lengthAt(this.#at);
      if (bytes > MAX_STRING_BYTES) throw malformed("a string in an array is too long");
      await this.ensure(bytes);
      // As many strings as the window holds.
      while (left > 0 && this.#at + 8 <= this.#end) {
        const end = this.#at + 8 + this.#lengthAt(this.#at);
        if (end > this.#end) break;
        visit(this.#window, this.#at + 8, end);
        this.#at = end;
        left--;
      }
    }
  }

  /** Reads a string. Returns `null` if it is longer than {@linkcode MAX_STRING_BYTES}. */
  async string(): Promise<string | null> {
    await this.ensure(8);
    const length = this.length();
    if (length > MAX_STRING_BYTES) {
      await this.skip(length);
      return null;
    }
    await this.ensure(length);
    const text = decoder.decode(this.#window.subarray(this.#at, this.#at + length));
    this.#at += length;
    return text;
  }

  /** Reads `count` bytes as text. */
  text(count: number): string {
    const at = this.#take(count);
    return decoder.decode(this.#window.subarray(at, at + count));
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }
  i8(): number {
    return this.#view.getInt8(this.#take(1));
  }
  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }
  i16(): number {
    return this.#view.getInt16(this.#take(2), true);
  }
  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }
  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }
  f32(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }
  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }
  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }
  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }
  /**
   * Reads an unsigned 64-bit length. Values beyond 2^53 are rounded; they exceed any file size.
   */
  length(): number {
    return this.#lengthAt(this.#take(8));
  }

  #lengthAt(at: number): number {
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32;
  }

  #take(count: number): number {
    const at = this.#at;
    this.#at += count;
    return at;
  }

  /** Moves the unread bytes to the front of a full window. */
  #grow(rest: Uint8Array): void {
    if (this.#window.length === WINDOW_BYTES) {
      this.#window.copyWithin(0, this.#at, this.#end);
      return;
    }
    this.#window = new Uint8Array(WINDOW_BYTES);
    this.#window.set(rest);
    this.#view = new DataView(this.#window.buffer);
  }

  #check(count: number): void {
    const end = this.position + count;
    if (end > this.#size) throw this.#truncated();
    if (end > MAX_HEADER_BYTES) {
      throw malformed(`its header is longer than ${MAX_HEADER_BYTES} bytes`);
    }
  }

  #truncated(): ShimmyError {
    return malformed(
      `truncated: its header extends past the end of the file at ${this.#size} bytes`,
    );
  }
}
