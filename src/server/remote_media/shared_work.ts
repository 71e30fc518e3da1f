import { notNeeded } from "./fetch_queue.ts";

/** Work that several callers need. Its signal aborts when the last of them does not need it any more. */
export class SharedWork<T> {
  readonly #result: Promise<T>;
  readonly #controller = new AbortController();
  #waiting = 0;

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.#result = work(this.#controller.signal);
    // A caller that has left does not await it.
    this.#result.catch(() => {});
  }

  /** Whether the work was given up: who needs it must begin it again. */
  get isAborted(): boolean {
    return this.#controller.signal.aborted;
  }

  /**
   * The result of the work.
   * @throws {ShimmyError} `cancelled` as soon as the signal of the caller aborts.
   */
  async join(signal: AbortSignal): Promise<T> {
    this.#waiting++;
    const { promise: left, reject } = Promise.withResolvers<never>();
    const leave = () => {
      reject(notNeeded());
      if (--this.#waiting === 0) this.#controller.abort();
    };
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([this.#result, left]);
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }
}
