import { ShimmyError } from "../../errors.ts";

/**
 * Milliseconds that a model stays loaded after its last request. `Infinity` means no idle timeout.
 */
export type KeepAlive = number;

/** Default idle timeout, the same as Ollama's. */
export const DEFAULT_KEEP_ALIVE: KeepAlive = 5 * 60_000;

/** Longest idle timeout that is not `Infinity`: ten years. Its end is a date of the calendar. */
export const MAX_KEEP_ALIVE: KeepAlive = 10 * 365 * 24 * 3_600_000;

/** Whether an idle timeout is in the range. */
export function isKeepAlive(ms: number): ms is KeepAlive {
  return ms === Infinity || ms <= MAX_KEEP_ALIVE;
}

/** The time at the end of an idle timeout in ISO 8601. */
export function keepAliveEnd(ms: KeepAlive): string {
  return new Date(Date.now() + Math.min(ms, MAX_KEEP_ALIVE)).toISOString();
}

/**
 * A duration in Go's syntax, for example `1h30m` (https://pkg.go.dev/time#ParseDuration). Digits can be read
 * in one way only: clients send such texts, and other expressions take a time that is the square of the length.
 */
export const DURATION = /^[-+]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "µs": 1e-3,
  "μs": 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Parses a duration in Ollama's forms: a number of seconds, or Go's syntax. A negative duration
 * means no idle timeout.
 *
 * @param value A number, or a text that matches {@linkcode DURATION}.
 */
export function toKeepAlive(value: number | string): KeepAlive {
  const ms = typeof value === "number" ? value * 1000 : durationMs(value);
  return ms < 0 ? Infinity : Math.abs(ms);
}

/**
 * Parses a duration of an option or environment variable. A number without a unit means seconds.
 *
 * @throws {ShimmyError} `invalid`; the message begins with `label`.
 */
export function parseKeepAlive(text: string, label: string): KeepAlive {
  const ms = /^[-+]?\d+(\.\d+)?$/.test(text)
    ? toKeepAlive(Number(text))
    : DURATION.test(text)
    ? toKeepAlive(text)
    : null;
  if (ms !== null && isKeepAlive(ms)) return ms;
  throw new ShimmyError(
    "invalid",
    `${label}: must be a duration such as 5m of at most ten years, 0 to unload at once or -1 for ` +
      `never, not '${text}'`,
    { field: label },
  );
}

/** Formats a duration, for example `5m` or `1h30m`. */
export function formatKeepAlive(ms: KeepAlive): string {
  if (ms === Infinity) return "for ever";
  const seconds = Math.round(ms / 1000);
  const parts = [[Math.floor(seconds / 3600), "h"], [Math.floor(seconds / 60) % 60, "m"], [
    seconds % 60,
    "s",
  ]] as const;
  return parts.filter(([count]) => count > 0).map(([count, unit]) => `${count}${unit}`).join("") ||
    `${Math.round(ms)}ms`;
}

function durationMs(text: string): number {
  const sum = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)([a-zµμ]+)/g)]
    .reduce((ms, [, count, unit]) => ms + Number(count) * UNIT_MS[unit!]!, 0);
  return text.startsWith("-") ? -sum : sum;
}
