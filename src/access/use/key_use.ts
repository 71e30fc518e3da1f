import { isCount, isTime, type Quota } from "../claims.ts";

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

/** Uses by the id of the key. */
export type KeyUses = Readonly<Record<string, KeyUse>>;

/** Whether a value from a file is the use of keys. */
export function isKeyUses(value: unknown): value is KeyUses {
  return isObject(value) &&
    Object.values(value).every((use) =>
      isObject(use) && isCount(use.requests) && isCount(use.tokens) && isTime(use.lastUsed) &&
      [use.rate, use.quota].every((window) =>
        window === undefined || (isObject(window) && isTime(window.start) && isCount(window.used))
      )
    );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const UNUSED: KeyUse = { requests: 0, tokens: 0, lastUsed: 0 };

/** Requests and tokens, and the quotas that they count against. */
export interface Spending {
  readonly requests: number;
  readonly tokens: number;
  readonly quotas: { readonly rate?: Quota; readonly tokens?: Quota };
}

/** The use after more was used. @param now Seconds since the epoch. */
export function withSpending(before: KeyUse | undefined, more: Spending, now: number): KeyUse {
  const { requests, tokens, quotas } = more;
  return addedUse(before ?? UNUSED, {
    requests,
    tokens,
    lastUsed: Math.floor(now),
    ...(quotas.rate === undefined ? {} : { rate: windowUse(quotas.rate, requests, now) }),
    ...(quotas.tokens === undefined ? {} : { quota: windowUse(quotas.tokens, tokens, now) }),
  }, now);
}

/** What both have used together, by key. */
export function addedUses(one: KeyUses, other: KeyUses, now: number): KeyUses {
  const sum: Record<string, KeyUse> = { ...one };
  for (const [id, use] of Object.entries(other)) {
    sum[id] = Object.hasOwn(one, id) ? addedUse(one[id]!, use, now) : use;
  }
  return sum;
}

function addedUse(one: KeyUse, other: KeyUse, now: number): KeyUse {
  const rate = addedWindow(one.rate, other.rate, now);
  const quota = addedWindow(one.quota, other.quota, now);
  return {
    requests: one.requests + other.requests,
    tokens: one.tokens + other.tokens,
    lastUsed: Math.max(one.lastUsed, other.lastUsed),
    ...(rate === undefined ? {} : { rate }),
    ...(quota === undefined ? {} : { quota }),
  };
}

/** The use of the later window. A window that has not begun was counted before the clock was set back. */
function addedWindow(
  one: WindowUse | undefined,
  other: WindowUse | undefined,
  now: number,
): WindowUse | undefined {
  const begun = [one, other].filter((window) => window !== undefined && window.start <= now);
  const [first, second] = begun as WindowUse[];
  if (first === undefined || second === undefined) return first ?? other ?? one;
  if (first.start === second.start) return { ...first, used: first.used + second.used };
  return first.start > second.start ? first : second;
}

function windowUse({ seconds }: Quota, used: number, now: number): WindowUse {
  return { start: windowStart(now, seconds), used };
}

/** Start of the window that contains a time: a window is the same before and after a restart. */
export function windowStart(now: number, seconds: number): number {
  return Math.floor(now / seconds) * seconds;
}
