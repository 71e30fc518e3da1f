/** Limits how much work runs at once. More work waits in its order. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @param count work that runs at once */
  constructor(count: number) {
    this.#free = count;
  }

  /** Runs work when there is a slot. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // The slot passes on without becoming free.
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
