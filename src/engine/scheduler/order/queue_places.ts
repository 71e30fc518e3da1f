import { ShimmyError } from "../../../errors.ts";
import type { Sequence } from "../sequence.ts";
import { hasFilledShare } from "./client_shares.ts";
import { STALLED_MS, stalledAmong } from "./stalled.ts";

/** Maximum waiting requests per stream; more are refused. */
const QUEUE_PER_STREAM = 16;

/** The places of the queue, which has a limit for all clients and one for each. */
export class QueuePlaces {
  /** Maximum waiting requests. */
  readonly limit: number;
  readonly #waiting: () => readonly Sequence[];
  readonly #fail: (sequence: Sequence, error: ShimmyError) => void;

  /**
   * @param streams number of streams
   * @param waiting the sequences that wait
   * @param fail ends a sequence whose place is needed
   */
  constructor(
    streams: number,
    waiting: () => readonly Sequence[],
    fail: (sequence: Sequence, error: ShimmyError) => void,
  ) {
    this.limit = QUEUE_PER_STREAM * streams;
    this.#waiting = waiting;
    this.#fail = fail;
  }

  /**
   * Makes sure that a client has a place.
   * @throws {ShimmyError} `overloaded` if the queue, or the client's share of it, is full.
   */
  check(client: string | undefined): void {
    if (this.#waiting().length >= this.limit && !this.#endStalled(() => true)) {
      throw new ShimmyError(
        "overloaded",
        `The queue is full: ${this.limit} requests are waiting`,
        { retryAfter: 1 },
      );
    }
    const isOwn = (other: Sequence) => other.request.client === client;
    if (hasFilledShare(this.#waiting(), client, this.limit) && !this.#endStalled(isOwn)) {
      throw new ShimmyError(
        "overloaded",
        "The queue has no more places for this client: too many of its requests are waiting",
        { retryAfter: 1 },
      );
    }
  }

  /**
   * Ends a waiting answer whose client has paused it, or does not read it, for long.
   * @returns whether there was one.
   */
  #endStalled(isCandidate: (sequence: Sequence) => boolean): boolean {
    const stalled = stalledAmong(this.#waiting().filter(isCandidate), performance.now());
    if (stalled === undefined) return false;
    const message = `The queue is full, and this answer was paused, or not read, for more than ` +
      `${STALLED_MS / 1000} s`;
    this.#fail(stalled, new ShimmyError("overloaded", message));
    return true;
  }
}
