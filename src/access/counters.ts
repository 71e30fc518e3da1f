import { join } from "@std/path";
import type { Quota } from "./claims.ts";
import { readIfExists, writePrivateFile } from "./private_file.ts";

/** File of the counters in the key folder. */
const FILE = "usage.json";

/** Use of a key. */
export interface KeyUse {
  /** Requests and tokens since the key was created. */
  readonly requests: number;
  readonly tokens: number;
  /** Seconds since the epoch. */
  readonly lastUsed: number;
  /** What was used of each quota in its current window. */
  readonly rate?: WindowUse;
  readonly quota?: WindowUse;
}

/** Use in a window of time. */
export interface WindowUse {
  /** Seconds since the epoch. */
  readonly start: number;
  readonly used: number;
}

/** What is left of a quota. */
export interface QuotaState {
  readonly limit: number;
  readonly remaining: number;
  /** Seconds until the next window. */
  readonly reset: number;
  /** Start of the next window in seconds since the epoch. */
  readonly resetAt: number;
}

const UNUSED: KeyUse = { requests: 0, tokens: 0, lastUsed: 0 };

/**
 * Counts requests and tokens by key. The counts are written to a file some time after a change, so that
 * they survive a restart; a crash loses the changes of that time.
 */
export class KeyCounters {
  readonly #path: string;
  readonly #use = new Map<string, KeyUse>();
  readonly #now: () => number;
  readonly #delayMs: number;
  readonly #failed: (error: unknown) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> = Promise.resolve();

  /**
   * @param now Milliseconds since the epoch.
   * @param failed Receives an error when the file cannot be written.
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
    for (const [id, use] of Object.entries(await readUse(this.#path, this.#failed))) {
      this.#use.set(id, use);
    }
  }

  /** The state of a quota after its use until now. */
  state(id: string, kind: "rate" | "quota", { amount, seconds }: Quota): QuotaState {
    const now = this.#now() / 1000;
    const start = windowStart(now, seconds);
    const use = this.#use.get(id)?.[kind];
    const used = use?.start === start ? use.used : 0;
    return {
      limit: amount,
      remaining: Math.max(0, amount - used),
      reset: Math.max(1, Math.ceil(start + seconds - now)),
      resetAt: start + seconds,
    };
  }

  /** Adds requests and tokens of a key. */
  add(
    id: string,
    { requests, tokens }: { readonly requests: number; readonly tokens: number },
    quotas: { readonly rate?: Quota; readonly tokens?: Quota },
  ): void {
    const now = this.#now() / 1000;
    const before = this.#use.get(id) ?? UNUSED;
    const rate = advanced(before.rate, quotas.rate, requests, now);
    const quota = advanced(before.quota, quotas.tokens, tokens, now);
    this.#use.set(id, {
      requests: before.requests + requests,
      tokens: before.tokens + tokens,
      lastUsed: Math.floor(now),
      ...(rate === undefined ? {} : { rate }),
      ...(quota === undefined ? {} : { quota }),
    });
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
    const text = JSON.stringify(Object.fromEntries(this.#use));
    this.#writing = this.#writing.then(() => writePrivateFile(this.#path, text))
      .catch(this.#failed);
  }
}

/** The use of all keys of a folder. */
export function readKeyUse(folder: string): Promise<Readonly<Record<string, KeyUse>>> {
  return readUse(join(folder, FILE), () => {});
}

async function readUse(
  path: string,
  failed: (error: unknown) => void,
): Promise<Record<string, KeyUse>> {
  try {
    const text = await readIfExists(path);
    const value: unknown = text === null ? {} : JSON.parse(text);
    if (typeof value !== "object" || value === null) throw new TypeError("it is not an object");
    return value as Record<string, KeyUse>;
  } catch (error) {
    failed(error);
    return {};
  }
}

/** Start of the window that contains a time: a window is the same before and after a restart. */
function windowStart(now: number, seconds: number): number {
  return Math.floor(now / seconds) * seconds;
}

function advanced(
  before: WindowUse | undefined,
  quota: Quota | undefined,
  count: number,
  now: number,
): WindowUse | undefined {
  if (quota === undefined) return undefined;
  const start = windowStart(now, quota.seconds);
  return { start, used: (before?.start === start ? before.used : 0) + count };
}
