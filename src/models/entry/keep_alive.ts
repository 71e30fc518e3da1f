import { ShimmyError } from "../../errors.ts";

/** Milliseconds that a model stays loaded after its last request; `Infinity`: it is not unloaded for being idle. */
export type KeepAlive = number;

/** How long unless somebody says otherwise; Ollama's own default. */
export const DEFAULT_KEEP_ALIVE: KeepAlive = 5 * 60_000;

/** A duration as Go writes it, e.g. `1h30m` (https://pkg.go.dev/time#ParseDuration). */
export const DURATION = /^[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;

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
 * A duration in the forms Ollama has: seconds as a number, or as Go writes it. A negative one means for
 * ever.
 * @param value a number, or a text that {@linkcode DURATION} matches.
 */
export function toKeepAlive(value: number | string): KeepAlive {
  const ms = typeof value === "number" ? value * 1000 : durationMs(value);
  return ms < 0 ? Infinity : Math.abs(ms);
}

/**
 * A duration as options and the environment give it, where seconds may stand without a unit.
 * @throws {ShimmyError} `invalid`, with a message that begins with `label`.
 */
export function parseKeepAlive(text: string, label: string): KeepAlive {
  if (/^[-+]?\d+(\.\d+)?$/.test(text)) return toKeepAlive(Number(text));
  if (DURATION.test(text)) return toKeepAlive(text);
  throw new ShimmyError(
    "invalid",
    `${label}: must be a duration such as 5m, 0 to unload at once or -1 for never, not '${text}'`,
    { field: label },
  );
}

/** A duration for people, e.g. `5m` or `1h30m`. */
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
  const sum = [...text.matchAll(/(\d+\.?\d*|\.\d+)([a-zµμ]+)/g)]
    .reduce((ms, [, count, unit]) => ms + Number(count) * UNIT_MS[unit!]!, 0);
  return text.startsWith("-") ? -sum : sum;
}
