import { ShimmyError } from "../../errors.ts";
import type { NamedTokens, RowNames, StoredImage } from "../disk_cache/mod.ts";
import {
  areRowsOfOne,
  isMediaToken,
  LAST_ROW,
  movesPosition,
  rowOf,
  rowToken,
} from "../protocol/mod.ts";

/** Images whose rows keep their numbers. A number has 150 bytes. */
const MAX_NUMBERED = 10_000;
/** Numbers that an image of a file may take: a file must not use up all of them. */
const MAX_STORED = 2 ** 17;
/** Half of all numbers: a row in a file gets one of these and the next ones. */
const SEEDS = 2 ** 29;

/** Numbers of the rows of an image. */
interface Numbered {
  readonly name: string;
  readonly first: number;
  readonly count: number;
}

/** The numbers of the rows of images: see `rowToken`. */
export class MediaNumbers implements RowNames {
  readonly #origin: string;
  /** By ascending numbers. */
  readonly #images: Numbered[] = [];
  readonly #byName = new Map<string, Numbered>();
  #next = 0;

  /** @param origin what the encoder is: other encoders give other embeddings for the same image. */
  constructor(origin: string) {
    this.#origin = origin;
  }

  /**
   * The number of the first row of an image. An image that was seen before has the same number again.
   *
   * @param hash of its file
   * @param count numbers that the image takes
   * @throws {ShimmyError} `backend` if there are no more numbers
   */
  first(hash: string, count: number): number {
    return this.#numbered(`${this.#origin}/${hash}`, count).first;
  }

  #numbered(name: string, count: number): Numbered {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    if (this.#next + count > LAST_ROW) {
      throw new ShimmyError("backend", "The model has read too many images: load it again");
    }
    const image = { name, first: this.#next, count };
    this.#next += count;
    this.#byName.set(name, image);
    this.#images.push(image);
    if (this.#images.length > MAX_NUMBERED) this.#byName.delete(this.#images.shift()!.name);
    return image;
  }

  toFile(tokens: readonly number[]): NamedTokens | null {
    if (!tokens.some(isMediaToken)) return { tokens };
    const images: StoredImage[] = [];
    const named = [...tokens];
    for (let at = 0; at < tokens.length; at++) {
      if (!isMediaToken(tokens[at]!)) continue;
      const number = rowOf(tokens[at]!);
      const image = this.#imageWith(number);
      if (image === undefined) return null;
      const rows = rowsAt(tokens, at);
      const { name, count, first } = image;
      const offset = number - first;
      images.push({ at, rows, name, count, offset });
      renumber(named, at, rows, seedOf(name) + offset);
      at += rows - 1;
    }
    return { tokens: named, images };
  }

  fromFile({ tokens, images = [] }: NamedTokens): readonly number[] | null {
    const own = [...tokens];
    let end = 0;
    for (const { at, rows, name, count, offset } of images) {
      if (tokens.slice(end, at).some(isMediaToken)) return null;
      end = at + rows;
      if (end > tokens.length || offset + rows > count || count > MAX_STORED) return null;
      if (!tokens.slice(at, end).every(isMediaToken)) return null;
      const image = this.#numbered(name, count);
      // Two images of the same file are not the same.
      if (image.count !== count) return null;
      renumber(own, at, rows, image.first + offset);
    }
    return tokens.slice(end).some(isMediaToken) ? null : own;
  }

  /** The image that has a number. */
  #imageWith(number: number): Numbered | undefined {
    let low = 0;
    let high = this.#images.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#images[middle]!.first <= number) low = middle + 1;
      else high = middle;
    }
    const image = this.#images[low - 1];
    return image !== undefined && number < image.first + image.count ? image : undefined;
  }
}

/** Rows of one image from an index on. */
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

/** A number that depends on a name. Equal ones only suggest equal images: files have the names. */
function seedOf(name: string): number {
  let hash = 0;
  for (let at = 0; at < name.length; at++) hash = (hash * 31 + name.charCodeAt(at)) % SEEDS;
  return hash;
}
