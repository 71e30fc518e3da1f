import type { BackOff } from "./back_off.ts";
import type { Clock } from "./clock.ts";

/** Loads that are due when the back-off of their models has passed. */
export class Restarts implements Disposable {
  readonly #clock: Clock;
  readonly #backOff: BackOff;
  /** Functions that cancel, by the key of the model. */
  readonly #pending = new Map<string, () => void>();

  constructor(clock: Clock, backOff: BackOff) {
    this.#clock = clock;
    this.#backOff = backOff;
  }

  /** Calls `load` as soon as the model may be loaded again: at once after its first failure. */
  add(key: string, load: () => void): void {
    this.#pending.get(key)?.();
    this.#pending.delete(key);
    const wait = this.#backOff.wait(key);
    if (wait === 0) return load();
    this.#pending.set(
      key,
      this.#clock.after(wait, () => {
        this.#pending.delete(key);
        load();
      }),
    );
  }

  [Symbol.dispose](): void {
    for (const cancel of this.#pending.values()) cancel();
    this.#pending.clear();
  }
}
