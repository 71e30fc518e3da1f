import { format as formatBytes } from "@std/fmt/bytes";
import type { Timings, Usage } from "../../engine/protocol/mod.ts";
import { printable } from "./printable.ts";
import { displayWidth } from "./width.ts";

/**
 * Rows as columns with two spaces between them. The first row is the heading; numbers are right-aligned.
 * Control characters in cells are escaped.
 */
export function table(given: readonly (readonly (string | number)[])[]): string {
  const rows = given.map((row) =>
    row.map((cell) => typeof cell === "string" ? printable(cell) : cell)
  );
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => widths[i] = Math.max(widths[i] ?? 0, displayWidth(String(cell))));
  }
  return rows.map((row) =>
    row.map((cell, i) => {
      const text = String(cell);
      const padding = " ".repeat(widths[i]! - displayWidth(text));
      return typeof cell === "number" ? padding + text : text + padding;
    }).join("  ").trimEnd()
  ).join("\n");
}

/** Names and values as two columns. */
export function fields(pairs: readonly (readonly [string, string])[]): string {
  return table(pairs.map(([name, value]) => [`${name}:`, value]));
}

/** A number of bytes with a binary unit, e.g. `1.6 MiB`. */
export function bytes(count: number): string {
  // The library writes `kiB`; IEC 80000-13 has `KiB`.
  return formatBytes(count, { binary: true, maximumFractionDigits: 1 }).replace("kiB", "KiB");
}

/** A parameter count with a unit, e.g. `2.6M`. */
export function parameters(count: number | null): string {
  if (count === null) return "?";
  for (const [unit, size] of [["T", 1e12], ["B", 1e9], ["M", 1e6], ["K", 1e3]] as const) {
    if (count >= size) return `${(count / size).toFixed(1)}${unit}`;
  }
  return String(count);
}

/** Usage for `--json`, in the spelling of the HTTP API. */
export function usageJson(usage: Usage) {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    cached_tokens: usage.cachedTokens,
  };
}

/** Timings for `--json`, in the spelling of the HTTP API: milliseconds, and tokens per second. */
export function timingsJson(timings: Timings) {
  return {
    queue_ms: timings.queueMs,
    prompt_ms: timings.promptMs,
    ...(timings.mediaMs === undefined ? {} : { media_ms: timings.mediaMs }),
    first_token_ms: timings.firstTokenMs,
    predicted_ms: timings.predictedMs,
    prompt_per_second: timings.promptPerSecond,
    predicted_per_second: timings.predictedPerSecond,
  };
}
