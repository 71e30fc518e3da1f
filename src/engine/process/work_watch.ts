import type { EngineFlags } from "../native/mod.ts";

/** Milliseconds between two looks after which this thread counts as not having run either. */
const PAUSE_MS = 4_000;

/** Watches the engine thread of this process: native code that does not return blocks that thread only. */
export class WorkWatch {
  readonly #flags: Pick<EngineFlags, "work">;
  readonly #now: () => number;
  #progress = "";
  /** Time of the last progress, and of the last look. */
  #since = 0;
  #looked = 0;

  constructor(flags: Pick<EngineFlags, "work">, now: () => number = () => performance.now()) {
    this.#flags = flags;
    this.#now = now;
  }

  /**
   * Whole seconds for which the thread has worked on something that should have ended; 0 while it makes
   * progress. Call it about once a second: progress is what has changed since the last call.
   */
  stuckFor(): number {
    const { progress, isBusy, limit } = this.#flags.work;
    const now = this.#now();
    const pause = now - this.#looked;
    this.#looked = now;
    if (progress !== this.#progress || !isBusy) {
      this.#progress = progress;
      this.#since = now;
    } else if (pause > PAUSE_MS) {
      // The whole process was stopped, or the machine slept.
      this.#since += pause;
    }
    const seconds = (now - this.#since) / 1000;
    return limit > 0 && seconds >= limit ? Math.floor(seconds) : 0;
  }
}
