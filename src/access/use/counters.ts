import type { SharedStore } from "../../shared_store/mod.ts";
import type { Quota } from "../claims.ts";
import {
  addedUses,
  type KeyUse,
  type KeyUses,
  type Spending,
  windowStart,
  withSpending,
} from "./key_use.ts";
import { SharedUse } from "./shared_use.ts";
import { UseFile, type UseStorage } from "./use_file.ts";

/** What is left of a quota. */
export interface QuotaState {
  readonly limit: number;
  readonly remaining: number;
  /** Seconds until the next window. */
  readonly reset: number;
  /** Start of the next window in seconds since the epoch. */
  readonly resetAt: number;
}

/**
 * Counts requests and tokens by key. Some time after a change, it is added to the counts in a file, so
 * that they survive a restart and servers with the same folder count together; a crash loses the changes of
 * that time. There is no lock, because a server that is stopped would keep it: of two servers that write
 * within the same milliseconds, one may lose its latest changes. Servers with a shared store lose none.
 */
export class KeyCounters {
  readonly #storage: UseStorage;
  readonly #now: () => number;
  readonly #delayMs: number;
  readonly #failed: (error: unknown) => void;
  /** The counts in the storage, as they were last seen. */
  #saved: KeyUses = {};
  /** What is being added to the storage. */
  #saving: KeyUses = {};
  /** What is not in the storage yet. */
  #unsaved: Record<string, KeyUse> = {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> = Promise.resolve();

  /**
   * @param now Milliseconds since the epoch.
   * @param failed Receives an error when the file cannot be read or written.
   * @param shared The store of servers that count together; default: they share the folder.
   */
  constructor(
    folder: string,
    { now = Date.now, delayMs = 1000, failed = () => {}, shared }: {
      readonly now?: () => number;
      readonly delayMs?: number;
      readonly failed?: (error: unknown) => void;
      readonly shared?: SharedStore | undefined;
    } = {},
  ) {
    const file = new UseFile(folder, failed);
    this.#storage = shared === undefined ? file : new SharedUse(shared, file);
    this.#now = now;
    this.#delayMs = delayMs;
    this.#failed = failed;
  }

  /** Reads the counts of earlier runs. A damaged file counts as empty and is reported. */
  async read(): Promise<void> {
    this.#saved = await this.#storage.read() ?? {};
  }

  /** The state of a quota after its use until now. */
  state(id: string, kind: "rate" | "quota", { amount, seconds }: Quota): QuotaState {
    const now = this.#now() / 1000;
    const start = windowStart(now, seconds);
    let used = 0;
    for (const uses of [this.#saved, this.#saving, this.#unsaved]) {
      const window = uses[id]?.[kind];
      if (window?.start === start) used += window.used;
    }
    return {
      limit: amount,
      remaining: Math.max(0, amount - used),
      reset: Math.max(1, Math.ceil(start + seconds - now)),
      resetAt: start + seconds,
    };
  }

  /** Adds requests and tokens of a key. */
  add(id: string, spending: Spending): void {
    const now = this.#now() / 1000;
    this.#unsaved[id] = withSpending(this.#unsaved[id], spending, now);
    this.#timer ??= setTimeout(() => this.#save(), this.#delayMs);
  }

  /** Writes what has changed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#save();
    }
    await this.#writing;
  }

  #save(): void {
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#addToStorage()).catch(this.#failed);
  }

  async #addToStorage(): Promise<void> {
    const now = this.#now() / 1000;
    this.#saving = this.#unsaved;
    this.#unsaved = {};
    try {
      this.#saved = await this.#storage.add(this.#saving, this.#saved, now);
    } catch (error) {
      // It is added with the next change.
      this.#unsaved = { ...addedUses(this.#saving, this.#unsaved, now) };
      throw error;
    } finally {
      this.#saving = {};
    }
  }
}

/** The use of all keys of a folder. */
export async function readKeyUse(folder: string): Promise<KeyUses> {
  return await new UseFile(folder, () => {}).read() ?? {};
}
