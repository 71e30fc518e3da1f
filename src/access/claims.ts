import { encodeHex } from "@std/encoding/hex";
import { isScope, type Scope } from "./scopes.ts";

/** An amount per window of time. */
export interface Quota {
  readonly amount: number;
  /** Length of the window. Windows begin at multiples of it since the epoch. */
  readonly seconds: number;
}

/** Seconds of the longest window, and of the longest lifetime: their ends are dates that can be written. */
export const MAX_SECONDS = 1000 * 365 * 86_400;

/** The rights that a key carries. */
export interface KeyClaims {
  readonly type: "key";
  /** Random; logs, metrics and the list of keys show it. */
  readonly id: string;
  readonly name: string;
  /** Seconds since the epoch. */
  readonly created: number;
  /** Seconds since the epoch; absent: the key does not expire. */
  readonly expires?: number;
  readonly scopes: readonly Scope[];
  /** Patterns of model names with `*` and `?`; absent: all models. */
  readonly models?: readonly string[];
  /** Maximum requests per window. */
  readonly rate?: Quota;
  /** Maximum tokens of prompts and answers per window. */
  readonly tokens?: Quota;
}

/** A license: a name and a time. It grants nothing and restricts nothing. */
export interface LicenseClaims {
  readonly type: "license";
  readonly id: string;
  readonly name: string;
  readonly created: number;
  readonly expires?: number;
}

export type Claims = KeyClaims | LicenseClaims;

/** Version of the payload. */
const VERSION = 1;

/** The payload of a token: short names, because clients send it with every request. */
export function toPayload(claims: Claims): Record<string, unknown> {
  const { type, id, name, created, expires } = claims;
  const common = { v: VERSION, t: type, i: id, n: name, c: created };
  const end = expires === undefined ? {} : { e: expires };
  if (claims.type === "license") return { ...common, ...end };
  const { scopes, models, rate, tokens } = claims;
  return {
    ...common,
    ...end,
    s: scopes,
    ...(models === undefined ? {} : { m: models }),
    ...(rate === undefined ? {} : { r: [rate.amount, rate.seconds] }),
    ...(tokens === undefined ? {} : { q: [tokens.amount, tokens.seconds] }),
  };
}

/** The claims of a payload; null for anything that {@linkcode toPayload} does not write. */
export function fromPayload(payload: unknown): Claims | null {
  if (typeof payload !== "object" || payload === null) return null;
  const { v, t, i, n, c, e, s, m, r, q } = payload as Record<string, unknown>;
  if (v !== VERSION || typeof i !== "string" || !isId(i) || typeof n !== "string") return null;
  if (!isTime(c) || (e !== undefined && !isTime(e))) return null;
  const common = { id: i, name: n, created: c, ...(e === undefined ? {} : { expires: e }) };
  if (t === "license") return { type: "license", ...common };
  const [rate, tokens] = [toQuota(r), toQuota(q)];
  if (t !== "key" || rate === null || tokens === null) return null;
  if (!Array.isArray(s) || !s.every(isScope)) return null;
  if (m !== undefined && !(Array.isArray(m) && m.every((one) => typeof one === "string"))) {
    return null;
  }
  return {
    type: "key",
    ...common,
    scopes: s,
    ...(m === undefined ? {} : { models: m }),
    ...(rate === undefined ? {} : { rate }),
    ...(tokens === undefined ? {} : { tokens }),
  };
}

/** A random id: 64 bits in hexadecimal. */
export function randomId(): string {
  return encodeHex(crypto.getRandomValues(new Uint8Array(8)));
}

function isId(text: string): boolean {
  return /^[0-9a-f]{16}$/.test(text);
}

/** Whether a value is a whole number that is not negative. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}

/** The last second of a date (ECMA-262, 21.4.1.1). */
const LAST_SECOND = 8_640_000_000_000;

/** Whether a value is a time in seconds since the epoch that can be written as a date. */
export function isTime(value: unknown): value is number {
  return isCount(value) && value <= LAST_SECOND;
}

/** Null for a malformed quota. */
function toQuota(value: unknown): Quota | null | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length !== 2) return null;
  const [amount, seconds] = value;
  const isWindow = isCount(seconds) && seconds > 0 && seconds <= MAX_SECONDS;
  return isCount(amount) && isWindow ? { amount, seconds } : null;
}
