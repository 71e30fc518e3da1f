import { STATUS_CODE } from "@std/http/status";
import { HttpError } from "../../../http/mod.ts";

/** Controls of a request that take effect in a second, and those that do so at once. */
const PER_SECOND = 50;
const AT_ONCE = 200;

/** Maximum changes of tokens or formats of a request that wait for the model. */
const MAX_EDITS = 64;

/**
 * Limits the controls of one request: the thread that computes the answers of all clients applies each of
 * them, and a change of tokens replays the whole answer.
 */
export class ControlRate {
  readonly #now: () => number;
  #left = AT_ONCE;
  #at: number;
  #edits = 0;

  /** @param now a clock in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#at = now();
  }

  /**
   * Counts controls.
   * @throws {HttpError} 429 for too many.
   */
  take(count = 1): void {
    const now = this.#now();
    this.#left = Math.min(AT_ONCE, this.#left + (now - this.#at) * PER_SECOND / 1000);
    this.#at = now;
    if (this.#left < count) throw tooMany(`${PER_SECOND} controls of a request a second`);
    this.#left -= count;
  }

  /** Takes back the count of a control that came before the answer had begun. */
  giveBack(): void {
    this.#left = Math.min(AT_ONCE, this.#left + 1);
  }

  /**
   * Waits for a change of tokens or of the format.
   * @throws {HttpError} 429 if too many wait.
   */
  async edit<T>(change: () => Promise<T>): Promise<T> {
    if (this.#edits >= MAX_EDITS) throw tooMany(`${MAX_EDITS} changes of a request at a time`);
    this.#edits++;
    try {
      return await change();
    } finally {
      this.#edits--;
    }
  }
}

function tooMany(what: string): HttpError {
  return new HttpError(STATUS_CODE.TooManyRequests, `At most ${what} are possible`, {
    retryAfter: 1,
  });
}
