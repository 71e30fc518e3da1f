import { ShimmyError } from "../../errors.ts";

/** Images whose rows keep their numbers. A number has 150 bytes. */
const MAX_NUMBERED = 10_000;
/** Token ids have 32 bits. */
const LEAST = -(2 ** 31);

/** The numbers of the rows of images: see `isMediaToken`. */
export class MediaNumbers {
  /** Number of the first row by hash, the least recently used ones first. */
  readonly #numbers = new Map<string, number>();
  /** Below LLAMA_TOKEN_NULL. */
  #next = -2;

  /**
   * The number of the first row of an image. An image that was seen before has the same number again.
   *
   * @throws {ShimmyError} `backend` if there are no more numbers
   */
  first(hash: string, rows: number): number {
    const known = this.#numbers.get(hash);
    const number = known ?? this.#take(rows);
    this.#numbers.delete(hash);
    this.#numbers.set(hash, number);
    const [oldest] = this.#numbers.keys();
    if (this.#numbers.size > MAX_NUMBERED) this.#numbers.delete(oldest!);
    return number;
  }

  #take(rows: number): number {
    const first = this.#next;
    if (first - rows < LEAST) {
      throw new ShimmyError("backend", "The model has read too many images: load it again");
    }
    this.#next -= rows;
    return first;
  }
}
