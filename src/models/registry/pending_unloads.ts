import type { Reservation } from "../memory/mod.ts";
import type { LoadedInstance } from "./model_instance.ts";

/**
 * Models that are being unloaded and loads that are being aborted. The next load of the same model
 * waits for them, so that the model is never in memory twice.
 */
export class PendingUnloads {
  /** Models that are unloaded when their requests are done. */
  readonly #unloading = new Map<string, LoadedInstance>();
  readonly #ends = new Map<string, Promise<void>>();
  readonly #onEnd: () => void;

  /** @param onEnd Called after each unload or aborted load. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  /** Adds a loaded model. {@linkcode waitForEnd} removes it. */
  add(key: string, model: LoadedInstance): void {
    this.#unloading.set(key, model);
  }

  get(key: string): LoadedInstance | undefined {
    return this.#unloading.get(key);
  }

  /** Resolves after the pending unload or aborted load of a key; undefined if there is none. */
  ended(key: string): Promise<void> | undefined {
    return this.#ends.get(key);
  }

  *reservations(): Generator<Reservation> {
    for (const { reservation } of this.#unloading.values()) yield reservation;
  }

  /** Waits for the end of a load or engine. The next load of that model waits too. */
  async waitForEnd(key: string, ended: Promise<void>): Promise<void> {
    const settled = ended.catch(() => {});
    this.#ends.set(key, settled);
    try {
      await ended;
    } finally {
      if (this.#ends.get(key) === settled) {
        this.#ends.delete(key);
        this.#unloading.delete(key);
      }
      this.#onEnd();
    }
  }

  /** Ends waits for running requests, so that all models are unloaded at once. */
  releaseAll(): void {
    for (const reservation of this.reservations()) reservation.release();
  }

  /** Resolves after all pending unloads and aborted loads. */
  async allEnded(): Promise<void> {
    await Promise.all(this.#ends.values());
  }
}
