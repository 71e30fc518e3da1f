/** The clock of idle timeouts. Tests pass their own. */
export interface Clock {
  /** Monotonic time in milliseconds. */
  now(): number;
  /**
   * Calls `run` once after `ms` milliseconds.
   *
   * @returns A function that cancels the call.
   */
  after(ms: number, run: () => void): () => void;
}

/** Maximum delay of `setTimeout`. A larger delay fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The system's monotonic clock. */
export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    let timer: ReturnType<typeof setTimeout>;
    const wait = (left: number) => {
      const part = Math.min(left, LONGEST_TIMER_MS);
      timer = setTimeout(() => left > part ? wait(left - part) : run(), part);
    };
    wait(ms);
    return () => clearTimeout(timer);
  },
};
