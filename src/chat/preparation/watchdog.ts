/**
 * Deadlines that follow each other. Most are met long before their time, and one timer serves many of
 * them: setting and clearing a timer for each would take a part of the time of a short task.
 */
export class Watchdog implements Disposable {
  readonly #expired: () => void;
  #deadline = Infinity;
  /** When the timer fires. */
  #firing = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param expired Called when a deadline was not cleared in time. */
  constructor(expired: () => void) {
    this.#expired = expired;
  }

  /** Replaces the deadline. */
  set(milliseconds: number): void {
    this.#deadline = performance.now() + milliseconds;
    if (this.#firing > this.#deadline) this.#arm(milliseconds);
  }

  clear(): void {
    this.#deadline = Infinity;
  }

  #arm(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#firing = performance.now() + milliseconds;
    this.#timer = setTimeout(() => this.#check(), milliseconds);
    // The end of the process does not wait for it.
    Deno.unrefTimer(Number(this.#timer));
  }

  #check(): void {
    this.#firing = Infinity;
    const left = this.#deadline - performance.now();
    if (left === Infinity) return;
    if (left > 0) return this.#arm(left);
    this.#deadline = Infinity;
    this.#expired();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
