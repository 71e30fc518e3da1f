import { ShimmyError } from "../../errors.ts";
import { LAST_ROW } from "../protocol/mod.ts";

/** Images whose rows keep their numbers. A number has 150 bytes. */
const MAX_NUMBERED = 10_000;

/** The numbers of the rows of images: see `rowToken`. */
export class MediaNumbers {
  /** Number of the first row by hash, the least recently used ones first. */
  readonly #numbers = new Map<string, number>();
  #next = 0;

  /**
   * The number of the first row of an image. An image that was seen before has the same number again.
   *
   * @param count numbers that the image takes
   * @throws {ShimmyError} `backend` if there are no more numbers
   */
  first(hash: string, count: number): number {
    const known = this.#numbers.get(hash);
    const number = known ?? this.#take(count);
    this.#numbers.delete(hash);
    this.#numbers.set(hash, number);
    const [oldest] = this.#numbers.keys();
    if (this.#numbers.size > MAX_NUMBERED) this.#numbers.delete(oldest!);
    return number;
  }

  #take(count: number): number {
    const first = this.#next;
    if (first + count > LAST_ROW) {
      throw new ShimmyError("backend", "The model has read too many images: load it again");
    }
    this.#next += count;
    return first;
  }
}
