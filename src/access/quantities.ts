import { ShimmyError } from "../errors.ts";
import { MAX_SECONDS, type Quota } from "./claims.ts";

const UNITS: Readonly<Record<string, number>> = {
  s: 1,
  sec: 1,
  second: 1,
  m: 60,
  min: 60,
  minute: 60,
  h: 3600,
  hour: 3600,
  d: 86_400,
  day: 86_400,
  w: 604_800,
  week: 604_800,
};

const FACTORS: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9, b: 1e9 };

/**
 * Parses a quota such as `60/min`, `1M/day` or `100k/12h`.
 *
 * @throws {ShimmyError} `invalid`; the message begins with `label`.
 */
export function parseQuota(text: string, label: string): Quota {
  const match = /^(\d+(?:\.\d+)?)([kmgb]?)\/(\d*)([a-z]+)$/i.exec(text.trim());
  const unit = UNITS[match?.[4]?.toLowerCase() ?? ""];
  const amount = Number(match?.[1]) * (FACTORS[match?.[2]?.toLowerCase() ?? ""] ?? NaN);
  const seconds = Number(match?.[3] || 1) * (unit ?? NaN);
  const isWindow = Number.isSafeInteger(seconds) && seconds > 0 && seconds <= MAX_SECONDS;
  if (isWindow && Number.isSafeInteger(amount) && amount > 0) return { amount, seconds };
  throw new ShimmyError(
    "invalid",
    `${label}: must be a number per time of at most 1000 years, such as 60/min or 1M/day, not '${text}'`,
  );
}

/** A quota as {@linkcode parseQuota} reads it. */
export function quotaText({ amount, seconds }: Quota): string {
  const [factor, suffix] = ([[1e9, "G"], [1e6, "M"], [1e3, "k"]] as const)
    .find(([factor]) => amount >= factor && amount % factor === 0) ?? [1, ""];
  const units = [[604_800, "week"], [86_400, "day"], [3600, "hour"], [60, "min"], [
    1,
    "s",
  ]] as const;
  const [size, unit] = units.find(([size]) => seconds % size === 0)!;
  const count = seconds / size;
  return `${amount / factor}${suffix}/${count === 1 ? "" : count}${unit}`;
}

/**
 * Parses a duration such as `30d`, `12h` or `90min`. Resolves to seconds.
 *
 * @throws {ShimmyError} `invalid`; the message begins with `label`.
 */
export function parseLifetime(text: string, label: string): number {
  const match = /^(\d+)\s*([a-z]+)$/i.exec(text.trim());
  const days = { y: 365, year: 365, years: 365 }[match?.[2]?.toLowerCase() ?? ""];
  const unit = days === undefined ? UNITS[match?.[2]?.toLowerCase() ?? ""] : days * 86_400;
  const seconds = Number(match?.[1]) * (unit ?? NaN);
  if (Number.isInteger(seconds) && seconds > 0 && seconds <= MAX_SECONDS) return seconds;
  throw new ShimmyError(
    "invalid",
    `${label}: must be a duration such as 30d or 12h, of at most 1000 years, not '${text}'`,
  );
}
