import { clientShare } from "../../client_share.ts";
import { ShimmyError } from "../../errors.ts";

/** Who waits in the queue. */
export interface FetchTurn {
  /** Undefined: a client that is not known, which takes no turns with others. */
  readonly client: string | undefined;
  /** Aborts when the work is not needed any more. */
  readonly signal: AbortSignal;
}

interface Waiting extends FetchTurn {
  readonly begin: () => void;
}

/**
 * Limits how much work runs at once, and how much waits. The next work is that of the client with the least
 * running work; work of equal clients keeps its order.
 */
export class FetchQueue {
  readonly #atOnce: number;
  readonly #limit: number;
  #running = 0;
  readonly #runningOf = new Map<string, number>();
  readonly #waiting: Waiting[] = [];

  /**
   * @param atOnce work that runs at once
   * @param limit work that may wait; one client has a share of it
   */
  constructor(atOnce: number, limit: number) {
    this.#atOnce = atOnce;
    this.#limit = limit;
  }

  /**
   * Makes sure that there is room for some work of a client.
   * @throws {ShimmyError} `overloaded` if the queue, or the share of the client, is full.
   */
  checkRoom(client: string | undefined, count: number): void {
    const more = count - Math.max(0, this.#atOnce - this.#running);
    if (this.#waiting.length + more > this.#limit) {
      const message = `Too many images at URLs: at most ${this.#limit} can wait to be fetched`;
      throw new ShimmyError("overloaded", message, { retryAfter: 1 });
    }
    if (client === undefined) return;
    const own = this.#waiting.filter((one) => one.client === client).length;
    const share = clientShare(this.#limit);
    if (own + more <= share) return;
    const message =
      `Too many images at URLs: at most ${share} of one client can wait to be fetched`;
    throw new ShimmyError("overloaded", message, { retryAfter: 1 });
  }

  /**
   * Runs work when it has its turn.
   * @throws {ShimmyError} `cancelled` after an abort, if the work has not begun.
   */
  async use<T>(turn: FetchTurn, work: () => Promise<T>): Promise<T> {
    await this.#begun(turn);
    try {
      return await work();
    } finally {
      this.#count(turn, -1);
      this.#beginNext();
    }
  }

  #begun(turn: FetchTurn): Promise<void> {
    const { signal } = turn;
    if (signal.aborted) return Promise.reject(notNeeded());
    if (this.#running < this.#atOnce) {
      this.#count(turn, 1);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const waiting = {
        ...turn,
        begin: () => {
          signal.removeEventListener("abort", leave);
          resolve();
        },
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(notNeeded());
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(waiting);
    });
  }

  #beginNext(): void {
    const [first, ...others] = this.#waiting;
    if (first === undefined) return;
    const next = others.reduce((best, one) => this.#of(one) < this.#of(best) ? one : best, first);
    this.#waiting.splice(this.#waiting.indexOf(next), 1);
    this.#count(next, 1);
    next.begin();
  }

  /** Running work of a client. */
  #of({ client }: FetchTurn): number {
    return client === undefined ? 0 : this.#runningOf.get(client) ?? 0;
  }

  #count(turn: FetchTurn, change: 1 | -1): void {
    this.#running += change;
    const { client } = turn;
    if (client === undefined) return;
    const count = this.#of(turn) + change;
    if (count === 0) this.#runningOf.delete(client);
    else this.#runningOf.set(client, count);
  }
}

/** The error of work that nobody needs any more. */
export function notNeeded(): ShimmyError {
  return new ShimmyError("cancelled", "The request was cancelled");
}
