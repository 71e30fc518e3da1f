import { MAIN_MEMORY } from "./memory_requirement.ts";
import type { KeepAlive, ModelEntry } from "../entry/mod.ts";

/** Stage of a reservation. */
export type ReservationStage =
  /** Waits for admission and uses no memory. */
  | "waiting"
  /** The model's file is being read. */
  | "loading"
  | "loaded"
  /** The model is unloaded when its requests are done, or is being unloaded. */
  | "unloading";

/** Use and memory of a model that is loaded, loading or unloading. */
export class Reservation {
  stage: ReservationStage = "waiting";
  /** Requests that use the model, including those that wait for the load. */
  users = 0;
  /** Time of the last release, in milliseconds. */
  lastUsed: number;
  /** Keep-alive of the last request that had one; null if none had one. */
  keepAlive: KeepAlive | null = null;
  /** Required bytes by memory. */
  required: ReadonlyMap<string, number> = new Map();
  /** Bytes of the loaded model on devices, by device name. */
  onDevices: ReadonlyMap<string, number> = new Map();
  /** The settings of the loaded model are outdated. It is unloaded when its requests are done. */
  isStale = false;
  /** Time of the idle unload. Null while the model is in use or has no idle timeout. */
  expires: number | null = null;
  readonly #released = Promise.withResolvers<void>();
  #cancelIdleTimer: (() => void) | null = null;
  /** Used bytes of main memory that are already missing from the available memory. */
  #used = 0;

  /** @param entry The entry of the last request: settings may change while the model is loaded. */
  constructor(public entry: ModelEntry, now: number) {
    this.lastUsed = now;
  }

  /**
   * Pinned by the configuration, or by a request with an infinite keep-alive. A pinned model is
   * unloaded last.
   */
  get isPinned(): boolean {
    return this.entry.settings?.pinned === true || this.keepAlive === Infinity;
  }

  /**
   * Idle timeout of the model. `fallback` applies if neither the configuration nor a request sets
   * one.
   */
  idleTime(fallback: KeepAlive): KeepAlive {
    if (this.isStale) return 0;
    const { settings } = this.entry;
    if (settings?.pinned === true) return Infinity;
    return this.keepAlive ?? settings?.keepAlive ?? fallback;
  }

  /** Bytes of a memory that the model uses or will use. */
  bytesIn(memory: string): number {
    return this.required.get(memory) ?? 0;
  }

  /** Required bytes in all memories; null if they were not estimated. */
  get bytes(): number | null {
    const sum = this.required.values().reduce((sum, bytes) => sum + bytes, 0);
    return sum > 0 ? sum : null;
  }

  /**
   * Records the memory of the loaded model.
   *
   * @param used Bytes by which the available main memory has shrunk during the load.
   * @param onDevices Bytes on devices, by device name. They replace the estimate.
   */
  recordLoad(used: number, onDevices: ReadonlyMap<string, number>): void {
    this.#used = used;
    this.onDevices = onDevices;
    if (onDevices.size > 0) {
      this.required = new Map([[MAIN_MEMORY, this.bytesIn(MAIN_MEMORY)], ...onDevices]);
    }
  }

  /**
   * Required bytes that are not yet missing from the free memory: all of them during the load,
   * afterwards those of mapped files.
   */
  pending(memory: string): number {
    const visible = memory === MAIN_MEMORY ? this.#used : this.onDevices.get(memory) ?? 0;
    return Math.max(0, this.bytesIn(memory) - visible);
  }

  /**
   * Resolves when the last request has released the model, or when the model is unloaded regardless
   * of requests.
   */
  get released(): Promise<void> {
    return this.#released.promise;
  }

  /** Resolves {@linkcode released}. */
  release(): void {
    this.#released.resolve();
  }

  /** Records the time of the idle unload and how to cancel its timer. */
  startIdleTimer(expires: number, cancel: () => void): void {
    this.cancelIdleTimer();
    this.expires = expires;
    this.#cancelIdleTimer = cancel;
  }

  /** Cancels the idle unload. */
  cancelIdleTimer(): void {
    this.#cancelIdleTimer?.();
    this.#cancelIdleTimer = null;
    this.expires = null;
  }
}

/** Total bytes of models on devices, by device name. */
export function bytesOnDevices(reservations: Iterable<Reservation>): Map<string, number> {
  const total = new Map<string, number>();
  for (const { onDevices } of reservations) {
    for (const [device, bytes] of onDevices) total.set(device, (total.get(device) ?? 0) + bytes);
  }
  return total;
}
