import { ShimmyError } from "../../errors.ts";

/** Milliseconds to wait after the second consecutive failure. Each further failure doubles it. */
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
/** Failures are forgotten after a model has run for this time. */
const RESET_AFTER_MS = 60_000;

interface Failures {
  count: number;
  /** Time when the next attempt is allowed. */
  retryAt: number;
  /** Time when the model was last loaded. */
  loaded: number;
}

/** Delays repeated loads of a model that keeps failing. The first retry is immediate. */
export class BackOff {
  readonly #now: () => number;
  readonly #failures = new Map<string, Failures>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Records that the model is loaded. */
  loaded(key: string): void {
    const failures = this.#failures.get(key);
    if (failures !== undefined) failures.loaded = this.#now();
  }

  /** Records that the load failed or the loaded model crashed. */
  failed(key: string): void {
    const now = this.#now();
    const before = this.#failures.get(key);
    const isReset = before === undefined ||
      (before.loaded > 0 && now - before.loaded > RESET_AFTER_MS);
    const count = isReset ? 1 : before.count + 1;
    const wait = count === 1 ? 0 : Math.min(FIRST_WAIT_MS * 2 ** (count - 2), LONGEST_WAIT_MS);
    this.#failures.set(key, { count, retryAt: now + wait, loaded: 0 });
  }

  /** Milliseconds until the next attempt is allowed. */
  wait(key: string): number {
    return Math.max(0, (this.#failures.get(key)?.retryAt ?? 0) - this.#now());
  }

  /**
   * @throws {ShimmyError} `backend` with the reason of the last failure, while the next attempt has
   * to wait.
   */
  check(key: string, name: string, reason: string): void {
    const wait = this.wait(key);
    if (wait <= 0) return;
    const seconds = Math.ceil(wait / 1000);
    throw new ShimmyError(
      "backend",
      `Model '${name}' failed; the next attempt is in ${seconds} s: ${reason}`,
      { retryAfter: seconds },
    );
  }
}
