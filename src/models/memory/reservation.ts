import { MAIN_MEMORY } from "./memory_requirement.ts";
import type { KeepAlive, ModelEntry } from "../entry/mod.ts";

/** Where a tenant is on its way. */
export type TenantStage =
  /** Waits for room; nothing of it is in memory. */
  | "waiting"
  /** Is being read. */
  | "loading"
  | "loaded"
  /** Goes as soon as nobody uses it, or is going already. */
  | "leaving";

/** How a model that is loaded, or on its way, is used, and what it takes. */
export class Tenancy {
  stage: TenantStage = "waiting";
  /** Requests that hold it, those that wait for the load included. */
  users = 0;
  /** When the last of them let go, in milliseconds. */
  lastUsed: number;
  /** What a request asked for; null where none did. */
  keepAlive: KeepAlive | null = null;
  /** Bytes it is expected to take, by the memory they lie in. */
  needs: ReadonlyMap<string, number> = new Map();
  /** Bytes it has on devices since it is loaded, by their names. */
  onDevices: ReadonlyMap<string, number> = new Map();
  /** Its settings are no longer those of the model: it goes when nobody uses it. */
  isStale = false;
  /** When it will be unloaded for being idle; null while it is used or never is. */
  expires: number | null = null;
  readonly #vacated = Promise.withResolvers<void>();
  #callOff: (() => void) | null = null;
  /** Bytes of main memory that show in what is available. */
  #taken = 0;

  /** @param entry as the last request knew it: settings may change while it is loaded. */
  constructor(public entry: ModelEntry, now: number) {
    this.lastUsed = now;
  }

  /** Goes last when room is needed: the configuration says so, or a request asked to keep it for ever. */
  get isPinned(): boolean {
    return this.entry.settings?.pinned === true || this.keepAlive === Infinity;
  }

  /** How long it stays when idle, where nobody says: `fallback`. */
  idleTime(fallback: KeepAlive): KeepAlive {
    if (this.isStale) return 0;
    const { settings } = this.entry;
    if (settings?.pinned === true) return Infinity;
    return this.keepAlive ?? settings?.keepAlive ?? fallback;
  }

  /** Bytes it has of a memory, or soon will. */
  holds(memory: string): number {
    return this.needs.get(memory) ?? 0;
  }

  /** Bytes it is expected to take in all; null where that was not asked. */
  get bytes(): number | null {
    const sum = this.needs.values().reduce((sum, bytes) => sum + bytes, 0);
    return sum > 0 ? sum : null;
  }

  /**
   * It is loaded.
   *
   * @param taken bytes of main memory that are no longer available since it began to load.
   * @param onDevices bytes it has on devices, by their names: they replace what was expected.
   */
  moveIn(taken: number, onDevices: ReadonlyMap<string, number>): void {
    this.#taken = taken;
    this.onDevices = onDevices;
    if (onDevices.size > 0) {
      this.needs = new Map([[MAIN_MEMORY, this.holds(MAIN_MEMORY)], ...onDevices]);
    }
  }

  /** Bytes of its need that do not show in what is free: all while it loads, later those of mapped files. */
  unseen(memory: string): number {
    const shown = memory === MAIN_MEMORY ? this.#taken : this.onDevices.get(memory) ?? 0;
    return Math.max(0, this.holds(memory) - shown);
  }

  /** Resolves when nobody uses it any more, or when it has to go regardless. */
  get vacated(): Promise<void> {
    return this.#vacated.promise;
  }

  /** Lets those who wait for it to go wait no longer. */
  vacate(): void {
    this.#vacated.resolve();
  }

  /** Remembers when it expires and how that is called off. */
  rest(expires: number, callOff: () => void): void {
    this.awake();
    this.expires = expires;
    this.#callOff = callOff;
  }

  /** It is used, or gone: it does not expire. */
  awake(): void {
    this.#callOff?.();
    this.#callOff = null;
    this.expires = null;
  }
}

/** Bytes that models have on devices together, by the devices' names. */
export function heldOnDevices(tenants: Iterable<Tenancy>): Map<string, number> {
  const held = new Map<string, number>();
  for (const { onDevices } of tenants) {
    for (const [device, bytes] of onDevices) held.set(device, (held.get(device) ?? 0) + bytes);
  }
  return held;
}
