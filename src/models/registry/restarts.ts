import { isMissingWorker, isWorkerLoss, NOT_RESPONDING } from "../../engine/mod.ts";
import type { Log } from "../memory/mod.ts";
import type { BackOff } from "./back_off.ts";
import type { Clock } from "./clock.ts";

/** Loads that are due when the back-off of their models has passed. */
export class Restarts implements Disposable {
  readonly #clock: Clock;
  readonly #backOff: BackOff;
  /** Functions that cancel, by the key of the model. */
  readonly #pending = new Map<string, () => void>();
  /** Keys of the models that have lost an RPC worker and are loaded again when it is back. */
  readonly #lost = new Set<string>();
  readonly #log: Log;

  constructor(clock: Clock, backOff: BackOff, log: Log) {
    this.#clock = clock;
    this.#backOff = backOff;
    this.#log = log;
  }

  /**
   * Whether a model is loaded again without a request: its process was ended because it did not respond, or because
   * it has lost an RPC worker. A server that waits for requests would not be ready before.
   */
  isDue(key: string, name: string, reason: string): boolean {
    if (isWorkerLoss(reason)) {
      this.#log(`${name} is loaded again when its workers answer: ${reason}`);
      this.#lost.add(key);
      return true;
    }
    if (reason === NOT_RESPONDING) this.#log(`${name} did not respond and is loaded again`);
    return reason === NOT_RESPONDING;
  }

  /**
   * Whether a model that a server loads before any request is loaded again: its RPC workers do not answer yet. A
   * server that is not ready gets no requests from a proxy.
   */
  isAwaited(key: string, name: string, reason: string): boolean {
    if (!isMissingWorker(reason)) return false;
    this.#log(`${name} is loaded again when its workers answer`);
    this.#lost.add(key);
    return true;
  }

  /** Whether a model that could not be loaded is loaded again, because its workers may be back then. */
  isLost(key: string): boolean {
    return this.#lost.has(key);
  }

  /** A model is loaded, or not needed any more. */
  forget(key: string): void {
    this.#lost.delete(key);
    this.#pending.get(key)?.();
    this.#pending.delete(key);
  }

  /** Calls `load` as soon as the model may be loaded again: at once after its first failure. */
  add(key: string, load: () => void): void {
    this.#pending.get(key)?.();
    this.#pending.delete(key);
    const wait = this.#backOff.wait(key);
    if (wait === 0) return load();
    this.#pending.set(
      key,
      // A timer may fire a fraction of a millisecond early. Then the load would be refused, so the rest is waited for.
      this.#clock.after(Math.ceil(wait), () => {
        this.#pending.delete(key);
        this.add(key, load);
      }),
    );
  }

  [Symbol.dispose](): void {
    for (const cancel of this.#pending.values()) cancel();
    this.#pending.clear();
  }
}
