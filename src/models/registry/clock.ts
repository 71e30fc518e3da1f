/** Time, as what unloads idle models sees it; tests give their own. */
export interface Clock {
  /** Milliseconds that only ever grow. */
  now(): number;
  /**
   * Calls back once, after so many milliseconds.
   * @returns what calls it off.
   */
  after(ms: number, run: () => void): () => void;
}

/** The longest that `setTimeout` waits; more and it fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The machine's own clock. */
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
