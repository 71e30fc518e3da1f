/** Milliseconds until a store is asked again after a failure: longer after each one, up to a maximum. */
const RETRY_MS = 1_000;
const MOST_RETRY_MS = 30_000;

/** Whether a store can be reached, and when it is asked again after a failure. */
export class Reachability {
  #failures = 0;
  #retryAt = 0;
  readonly #now: () => number;

  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  get isReachable(): boolean {
    return this.#failures === 0;
  }

  /** Whether a request may be sent now. */
  get mayAsk(): boolean {
    return this.isReachable || this.#now() >= this.#retryAt;
  }

  /** A request has failed. @returns whether the one before had not. */
  failed(): boolean {
    // Requests that were sent together fail together.
    if (!this.mayAsk) return false;
    const wait = Math.min(RETRY_MS * 2 ** this.#failures, MOST_RETRY_MS);
    this.#retryAt = this.#now() + wait;
    return this.#failures++ === 0;
  }

  /** A request has succeeded. @returns whether the one before had not. */
  succeeded(): boolean {
    const wasLost = !this.isReachable;
    this.#failures = 0;
    return wasLost;
  }
}
