import { ShimmyError } from "../../errors.ts";
import type { NamedTokens, RowNames, StoredMedia } from "../disk_cache/mod.ts";
import {
  areRowsOfOne,
  isMediaToken,
  LAST_ROW,
  movesPosition,
  rowOf,
  rowToken,
} from "../protocol/mod.ts";

/** Media files whose rows keep their numbers. A number has 150 bytes. */
const MAX_NUMBERED = 10_000;
/** Numbers that media of a file with a state may take: it must not use up all of them. */
const MAX_STORED = 2 ** 17;
/** Half of all numbers: a row in a file gets one of these and the next ones. */
const SEEDS = 2 ** 29;

/**
 * Version of the reading of media files. Raise it when the same file gives other embeddings than before, as since
 * photos are turned: states of earlier versions in the disk cache are then not used for it.
 */
const MEDIA_VERSION = 1;

/** Numbers of the rows of a media file. */
interface Numbered {
  readonly name: string;
  readonly first: number;
  readonly count: number;
}

/** The numbers of the rows of media files: see `rowToken`. */
export class MediaNumbers implements RowNames {
  readonly #origin: string;
  /** By ascending numbers. */
  readonly #media: Numbered[] = [];
  readonly #byName = new Map<string, Numbered>();
  #next = 0;

  /** @param origin what the encoder is: other encoders give other embeddings for the same media file. */
  constructor(origin: string) {
    this.#origin = `${MEDIA_VERSION}/${origin}`;
  }

  /**
   * The number of the first row of a media file. A media file that was seen before has the same number again.
   *
   * @param hash of its file
   * @param count numbers that the media file takes
   * @throws {ShimmyError} `backend` if there are no more numbers
   */
  first(hash: string, count: number): number {
    return this.#numbered(`${this.#origin}/${hash}`, count).first;
  }

  #numbered(name: string, count: number): Numbered {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    if (this.#next + count > LAST_ROW) {
      const message = "The model has read too many images and sounds: load it again";
      throw new ShimmyError("backend", message);
    }
    const file = { name, first: this.#next, count };
    this.#next += count;
    this.#byName.set(name, file);
    this.#media.push(file);
    if (this.#media.length > MAX_NUMBERED) this.#byName.delete(this.#media.shift()!.name);
    return file;
  }

  toFile(tokens: readonly number[]): NamedTokens | null {
    if (!tokens.some(isMediaToken)) return { tokens };
    const media: StoredMedia[] = [];
    const named = [...tokens];
    for (let at = 0; at < tokens.length; at++) {
      if (!isMediaToken(tokens[at]!)) continue;
      const number = rowOf(tokens[at]!);
      const file = this.#mediaWith(number);
      if (file === undefined) return null;
      const rows = rowsAt(tokens, at);
      const { name, count, first } = file;
      const offset = number - first;
      media.push({ at, rows, name, count, offset });
      renumber(named, at, rows, seedOf(name) + offset);
      at += rows - 1;
    }
    return { tokens: named, media };
  }

  fromFile({ tokens, media = [] }: NamedTokens): readonly number[] | null {
    const own = [...tokens];
    let end = 0;
    for (const { at, rows, name, count, offset } of media) {
      if (tokens.slice(end, at).some(isMediaToken)) return null;
      end = at + rows;
      if (end > tokens.length || offset + rows > count || count > MAX_STORED) return null;
      if (!tokens.slice(at, end).every(isMediaToken)) return null;
      const file = this.#numbered(name, count);
      // The rows of two media files with one name are not the same.
      if (file.count !== count) return null;
      renumber(own, at, rows, file.first + offset);
    }
    return tokens.slice(end).some(isMediaToken) ? null : own;
  }

  /** The image that has a number. */
  #mediaWith(number: number): Numbered | undefined {
    let low = 0;
    let high = this.#media.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#media[middle]!.first <= number) low = middle + 1;
      else high = middle;
    }
    const file = this.#media[low - 1];
    return file !== undefined && number < file.first + file.count ? file : undefined;
  }
}

/** Rows of one media file from an index on. */
function rowsAt(tokens: readonly number[], at: number): number {
  let end = at + 1;
  while (end < tokens.length && areRowsOfOne(tokens[end - 1]!, tokens[end]!)) end++;
  return end - at;
}

function renumber(tokens: number[], at: number, rows: number, first: number): void {
  for (let row = 0; row < rows; row++) {
    tokens[at + row] = rowToken(first + row, movesPosition(tokens[at + row]!));
  }
}

/** A number that depends on a name. Equal ones only suggest equal media: files with states have the names. */
function seedOf(name: string): number {
  let hash = 0;
  for (let at = 0; at < name.length; at++) hash = (hash * 31 + name.charCodeAt(at)) % SEEDS;
  return hash;
}
