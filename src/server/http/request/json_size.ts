import { STATUS_CODE } from "@std/http/status";
import { HttpError } from "../errors.ts";

/** Bodies up to this size are not counted: they cannot have many values. */
export const SMALL_BYTES = 1 << 16;
/** Bytes that are counted without a pause. */
const SLICE_BYTES = 1 << 20;

/** The values of a request in JSON. */
export interface JsonLimits {
  /** Whole numbers, such as the token ids of a batch of embeddings, and everything else. */
  readonly values: number;
  /**
   * Texts, names, objects, lists, and numbers that are not whole or negative. Each takes some microseconds
   * to validate, in the main thread.
   */
  readonly parts: number;
}

const LIMITS: JsonLimits = { values: 1_000_000, parts: 50_000 };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Characters outside of texts: those before values, and those in values that are no whole number. */
const IS_BEFORE_VALUE = tableOf("[{,:");
const IS_IN_PART = tableOf("[{.-eEtfn");

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

/** The place of the last large body. */
let last: Promise<void> = Promise.resolve();

/** A pause in which other requests are handled. Large bodies that wait at the same time take turns. */
export function pause(): Promise<void> {
  return last = last.then(() => new Promise((resolve) => setTimeout(resolve, 0)));
}

/**
 * Counts the values of a JSON text, with pauses for other requests. The callers of large texts go on one
 * after the other.
 *
 * @throws {HttpError} 413 for too many values.
 */
export async function checkJsonSize(
  bytes: Uint8Array,
  limits: JsonLimits = LIMITS,
): Promise<void> {
  if (bytes.length <= SMALL_BYTES) return;
  const counter = new ValueCounter(bytes);
  while (true) {
    counter.countSlice();
    if (counter.values > limits.values) throw tooMany(`${limits.values} JSON values`);
    if (counter.parts > limits.parts) {
      throw tooMany(`${limits.parts} JSON texts, objects and lists`);
    }
    await pause();
    if (counter.isAtEnd) return;
  }
}

function tooMany(what: string): HttpError {
  return new HttpError(STATUS_CODE.ContentTooLarge, `Request body has more than ${what}`);
}

/** Counts outside of texts, and the texts. A text that is no JSON has some count too. */
class ValueCounter {
  values = 0;
  parts = 0;
  readonly #bytes: Uint8Array;
  #at = 0;
  #isInText = false;
  /** Backslashes at the end of the slice before, modulo 2. */
  #escapes = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Counts about a slice more. */
  countSlice(): void {
    const end = Math.min(this.#at + SLICE_BYTES, this.#bytes.length);
    while (this.#at < end) {
      if (this.#isInText) this.#skipText(end);
      else this.#countUntilText(end);
    }
  }

  #countUntilText(end: number): void {
    const bytes = this.#bytes;
    let [at, values, parts] = [this.#at, 0, 0];
    for (; at < end && bytes[at] !== QUOTE; at++) {
      const byte = bytes[at]!;
      values += IS_BEFORE_VALUE[byte]!;
      parts += IS_IN_PART[byte]!;
    }
    this.#isInText = at < end;
    this.values += values;
    this.parts += parts + (at < end ? 1 : 0);
    this.#at = at + (at < end ? 1 : 0);
  }

  /** Moves behind the next quote, which ends the text unless it is escaped, or to the end of the slice. */
  #skipText(end: number): void {
    // A search in the rest of the body would not end with the slice.
    const slice = this.#bytes.subarray(this.#at, end);
    const quote = slice.indexOf(QUOTE);
    const length = quote < 0 ? slice.length : quote;
    let escapes = 0;
    while (escapes < length && slice[length - 1 - escapes] === BACKSLASH) escapes++;
    if (escapes === length) escapes += this.#escapes;
    this.#escapes = quote < 0 ? escapes % 2 : 0;
    this.#at += quote < 0 ? length : length + 1;
    if (quote < 0) return;
    this.#isInText = escapes % 2 === 1;
  }
}
