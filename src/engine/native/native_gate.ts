/** Milliseconds that a thread waits for the others to leave native code before it gives up. */
const EXCLUSIVE_TIMEOUT_MS = 5000;
/** And for one that is alone; it ends unless its thread was ended meanwhile. */
const LOCK_TIMEOUT_MS = 60_000;

/**
 * Lets the engine threads of one process into native code together, and one of them alone where the
 * library keeps something for the whole process and has no lock for it:
 *
 * - Its log. Reading it means a callback into the JavaScript of the thread that reads, and a line that
 *   another thread logs meanwhile would wait for a thread that cannot answer, and then call what is gone.
 * - Its list of backends. A thread that finds it half filled takes it for complete.
 */
export class NativeGate {
  /** How many threads are inside. */
  readonly #users: Int32Array<SharedArrayBuffer>;
  /** 1 while a thread is alone or waits to be. */
  readonly #locked: Int32Array<SharedArrayBuffer>;
  #isUsing = false;

  /** @param buffer the `buffer` of another thread's gate, to be the same gate. */
  constructor(readonly buffer: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.#users = new Int32Array(buffer, 0, 1);
    this.#locked = new Int32Array(buffer, 4, 1);
  }

  /** Does native work beside that of other threads. */
  shared<T>(work: () => T): T {
    if (this.#isUsing) return work();
    this.#enter();
    try {
      return work();
    } finally {
      this.#leave();
    }
  }

  /**
   * Does native work while no other thread does any.
   * @returns null, without doing it, when the others stay inside for too long.
   */
  exclusive<T>(work: () => T): { readonly value: T } | null {
    return this.#byPriority(() => {
      const deadline = performance.now() + EXCLUSIVE_TIMEOUT_MS;
      for (let count = 0; (count = Atomics.load(this.#users, 0)) > 0;) {
        const left = deadline - performance.now();
        if (left <= 0) return null;
        Atomics.wait(this.#users, 0, count, left);
      }
      return { value: work() };
    });
  }

  /** Does work that only one thread at a time does; what others do already, they go on with. */
  serialized<T>(work: () => T): T {
    return this.#byPriority(work);
  }

  #byPriority<T>(work: () => T): T {
    const wasInside = this.#isUsing;
    // Two that both wait inside for each other would wait for ever.
    if (wasInside) this.#leave();
    const deadline = performance.now() + LOCK_TIMEOUT_MS;
    while (Atomics.compareExchange(this.#locked, 0, 0, 1) !== 0) {
      const left = deadline - performance.now();
      if (left <= 0) break;
      Atomics.wait(this.#locked, 0, 1, left);
    }
    try {
      return work();
    } finally {
      Atomics.store(this.#locked, 0, 0);
      Atomics.notify(this.#locked, 0);
      if (wasInside) this.#enter();
    }
  }

  #enter(): void {
    Atomics.add(this.#users, 0, 1);
    while (Atomics.load(this.#locked, 0) !== 0) {
      this.#decrement();
      const outcome = Atomics.wait(this.#locked, 0, 1, LOCK_TIMEOUT_MS);
      Atomics.add(this.#users, 0, 1);
      if (outcome === "timed-out") break;
    }
    this.#isUsing = true;
  }

  #leave(): void {
    this.#isUsing = false;
    this.#decrement();
  }

  #decrement(): void {
    if (Atomics.sub(this.#users, 0, 1) === 1) Atomics.notify(this.#users, 0);
  }
}
