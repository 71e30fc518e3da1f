import { Buffer } from "node:buffer";
import { ShimmyError } from "../../errors.ts";

/**
 * Characters that are decoded at once: whole groups of four. `Buffer` takes quadratic time for text that is not
 * base64, more than a minute for a body of 32 MiB.
 */
const SLICE = 1 << 15;

/** What a character adds to the sum of a slice: nothing for one of the alphabet, with that of RFC 4648, section 5. */
const SPACE = 1;
const WRONG = 2 * SLICE;
const ADDENDS = new Uint32Array(128).fill(WRONG);
for (const character of " \t\n\v\f\r") ADDENDS[character.charCodeAt(0)] = SPACE;
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_") {
  ADDENDS[character.charCodeAt(0)] = 0;
}

/** What may follow the last character: padding, also too much of it, and white space. */
const TAIL = "= \t\n\v\f\r";

/**
 * Decodes base64, with or without padding and line breaks.
 *
 * @param field the field of the text, for errors
 * @param what what the text must be, for errors
 * @throws {ShimmyError} `invalid` with the field if the text is empty or not base64.
 */
export function bytesOfBase64(text: string, field: string, what: string): Uint8Array<ArrayBuffer> {
  let end = text.length;
  while (end > 0 && TAIL.includes(text[end - 1]!)) end--;
  const decoder = new Decoder(end);
  for (let start = 0; start < end; start += SLICE) {
    if (!decoder.add(text.slice(start, Math.min(end, start + SLICE)))) throw wrong(field, what);
  }
  const bytes = decoder.end();
  if (bytes.length === 0) throw wrong(field, what);
  return bytes;
}

function wrong(field: string, what: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: must be ${what}`, { field });
}

const encoder = new TextEncoder();

class Decoder {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #slice = new Uint8Array(SLICE + 3);
  #length = 0;
  /** The characters of an incomplete group. */
  #rest = "";

  /** @param characters maximum number of characters */
  constructor(characters: number) {
    this.#bytes = new Uint8Array(Math.ceil(characters * 3 / 4));
  }

  /** Decodes at most a slice of the text; false if it is not base64. */
  add(slice: string): boolean {
    if (this.#rest === "" && slice.length % 4 === 0) {
      const decoded = Buffer.from(slice, "base64");
      // It leaves out all other characters.
      if (decoded.length === slice.length * 3 / 4) {
        this.#put(decoded);
        return true;
      }
    }
    const text = this.#rest + slice;
    const spaces = this.#spacesOf(text);
    if (spaces === null) return false;
    let end = text.length;
    for (let left = (end - spaces) % 4; left > 0; end--) {
      if (ADDENDS[text.charCodeAt(end - 1)] === 0) left--;
    }
    this.#put(Buffer.from(text.slice(0, end), "base64"));
    this.#rest = text.slice(end).replace(/\s+/g, "");
    return true;
  }

  /** The number of spaces in a text; null if it has characters that are not of base64. */
  #spacesOf(text: string): number | null {
    const bytes = this.#slice;
    const { read, written } = encoder.encodeInto(text, bytes);
    // Other characters than those of ASCII have several bytes.
    if (read !== text.length || written !== text.length) return null;
    let sum = 0;
    for (let at = 0; at < written; at++) sum += ADDENDS[bytes[at]!]!;
    return sum < WRONG ? sum : null;
  }

  #put(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** All bytes, in memory of their own. */
  end(): Uint8Array<ArrayBuffer> {
    this.#put(Buffer.from(this.#rest, "base64"));
    return this.#length === this.#bytes.length ? this.#bytes : this.#bytes.slice(0, this.#length);
  }
}
