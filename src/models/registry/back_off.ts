import { ShimmyError } from "../../errors.ts";

/** Milliseconds to wait after the second failure in a row; each further one doubles it. */
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
/** A model that worked for as long is trusted again. */
const TRUST_MS = 60_000;

interface Failures {
  count: number;
  /** When the next try may begin. */
  until: number;
  /** When the model was last loaded. */
  began: number;
}

/**
 * Keeps a model that fails again and again from being loaded with every request. The first failure is
 * tried again at once.
 */
export class BackOff {
  readonly #now: () => number;
  readonly #failures = new Map<string, Failures>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The model is loaded. */
  began(key: string): void {
    const failures = this.#failures.get(key);
    if (failures !== undefined) failures.began = this.#now();
  }

  /** The model could not be loaded, or died. */
  failed(key: string): void {
    const now = this.#now();
    const before = this.#failures.get(key);
    const trusted = before === undefined || (before.began > 0 && now - before.began > TRUST_MS);
    const count = trusted ? 1 : before.count + 1;
    const wait = count === 1 ? 0 : Math.min(FIRST_WAIT_MS * 2 ** (count - 2), LONGEST_WAIT_MS);
    this.#failures.set(key, { count, until: now + wait, began: 0 });
  }

  /** Milliseconds until the next try may begin. */
  wait(key: string): number {
    return Math.max(0, (this.#failures.get(key)?.until ?? 0) - this.#now());
  }

  /** @throws {ShimmyError} `backend`, while the next try has to wait, with the reason of the last failure. */
  check(key: string, name: string, reason: string): void {
    const wait = this.wait(key);
    if (wait <= 0) return;
    const seconds = Math.ceil(wait / 1000);
    throw new ShimmyError(
      "backend",
      `Model '${name}' failed and is tried again in ${seconds} s: ${reason}`,
      { retryAfter: seconds },
    );
  }
}
