/** Milliseconds that exclusive work waits for shared work of other threads to end. */
const EXCLUSIVE_TIMEOUT_MS = 5000;
/**
 * Milliseconds to wait for the lock. The holder releases the lock unless its thread was terminated.
 */
const LOCK_TIMEOUT_MS = 60_000;

/**
 * Readers-writer lock over native code for the engine threads of one process. Most native work is
 * shared; two kinds need exclusion because libllama keeps process-wide state without a lock:
 *
 * - The log. Capturing the log calls JavaScript of the capturing thread. A line that another thread
 *   logs meanwhile would wait for a thread that cannot respond, and then call a freed callback.
 * - The list of backends. A thread that reads a partly filled list takes it for complete.
 */
export class NativeGate {
  /** Number of threads in shared work. */
  readonly #users: Int32Array<SharedArrayBuffer>;
  /** 1 while a thread holds or waits for exclusive access. */
  readonly #locked: Int32Array<SharedArrayBuffer>;
  #isUsing = false;

  /** @param buffer the `buffer` of another thread's gate, to share that gate. */
  constructor(readonly buffer: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.#users = new Int32Array(buffer, 0, 1);
    this.#locked = new Int32Array(buffer, 4, 1);
  }

  /** Runs native work that may overlap with shared work of other threads. */
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
   * Runs native work while no other thread is in native code.
   * @returns null, without running the work, if other threads do not leave within the timeout.
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

  /** Runs work that one thread at a time may do. Does not wait for shared work of other threads. */
  serialized<T>(work: () => T): T {
    return this.#byPriority(work);
  }

  #byPriority<T>(work: () => T): T {
    const wasInside = this.#isUsing;
    // Leave first: two threads that wait for each other inside shared work would deadlock.
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
