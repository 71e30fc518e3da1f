/** Cancels answers whose pause lasts too long. A paused answer keeps its model loaded. */
export class PauseLimit {
  readonly #most: number;
  readonly #cancel: (choice: number) => void;
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();

  /**
   * @param most Maximum milliseconds of a pause.
   * @param cancel ends a choice whose pause lasts too long.
   */
  constructor(most: number, cancel: (choice: number) => void) {
    this.#most = most;
    this.#cancel = cancel;
  }

  /** A choice was paused; another pause of it changes nothing. */
  pause(choice: number): void {
    if (this.#timers.has(choice)) return;
    const timer = setTimeout(() => this.#cancel(choice), this.#most);
    Deno.unrefTimer(timer);
    this.#timers.set(choice, timer);
  }

  /** A choice goes on or has ended. */
  release(choice: number): void {
    clearTimeout(this.#timers.get(choice));
    this.#timers.delete(choice);
  }
}
