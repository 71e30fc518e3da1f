import { join } from "@std/path";
import type { Quota } from "./claims.ts";
import {
  addedUses,
  isKeyUses,
  type KeyUse,
  type KeyUses,
  type Spending,
  windowStart,
  withSpending,
} from "./key_use.ts";
import { readIfExists, writePrivateFile } from "./private_file.ts";

/** File of the counters in the key folder. */
const FILE = "usage.json";

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
 * within the same milliseconds, one may lose its latest changes.
 */
export class KeyCounters {
  readonly #path: string;
  readonly #now: () => number;
  readonly #delayMs: number;
  readonly #failed: (error: unknown) => void;
  /** The counts in the file, as they were last seen. */
  #saved: KeyUses = {};
  /** What is being added to the file. */
  #saving: KeyUses = {};
  /** What is not in the file yet. */
  #unsaved: Record<string, KeyUse> = {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> = Promise.resolve();

  /**
   * @param now Milliseconds since the epoch.
   * @param failed Receives an error when the file cannot be read or written.
   */
  constructor(
    folder: string,
    { now = Date.now, delayMs = 1000, failed = () => {} }: {
      readonly now?: () => number;
      readonly delayMs?: number;
      readonly failed?: (error: unknown) => void;
    } = {},
  ) {
    this.#path = join(folder, FILE);
    this.#now = now;
    this.#delayMs = delayMs;
    this.#failed = failed;
  }

  /** Reads the counts of earlier runs. A damaged file counts as empty and is reported. */
  async read(): Promise<void> {
    this.#saved = await readUse(this.#path, this.#failed) ?? {};
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
    this.#writing = this.#writing.then(() => this.#addToFile()).catch(this.#failed);
  }

  async #addToFile(): Promise<void> {
    const now = this.#now() / 1000;
    this.#saving = this.#unsaved;
    this.#unsaved = {};
    try {
      // A file that has disappeared or was damaged is written anew.
      const before = await readUse(this.#path, this.#failed) ?? this.#saved;
      const after = addedUses(before, this.#saving, now);
      await writePrivateFile(this.#path, JSON.stringify(after));
      this.#saved = after;
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
  return await readUse(join(folder, FILE), () => {}) ?? {};
}

/** @returns null if there is no file, or if it is damaged, which is reported. */
async function readUse(path: string, failed: (error: unknown) => void): Promise<KeyUses | null> {
  try {
    const text = await readIfExists(path);
    const value: unknown = text === null ? null : JSON.parse(text);
    if (value !== null && !isKeyUses(value)) throw new TypeError("its file is damaged");
    return value;
  } catch (error) {
    failed(error);
    return null;
  }
}
