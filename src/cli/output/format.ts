import { format as formatBytes } from "@std/fmt/bytes";
import type { Timings, Usage } from "../../engine/protocol/mod.ts";

/** Rows as columns two spaces apart; the first row is the heading. Numbers stand to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => widths[i] = Math.max(widths[i] ?? 0, String(cell).length));
  }
  return rows.map((row) =>
    row.map((cell, i) =>
      typeof cell === "number" ? String(cell).padStart(widths[i]!) : cell.padEnd(widths[i]!)
    ).join("  ").trimEnd()
  ).join("\n");
}

/** Names and values as two columns. */
export function facts(pairs: readonly (readonly [string, string])[]): string {
  return table(pairs.map(([name, value]) => [`${name}:`, value]));
}

/** Bytes as people write them, e.g. `1.6 MiB`. */
export function bytes(count: number): string {
  // The library writes the prefix of thousands small, which IEC 80000-13 does not.
  return formatBytes(count, { binary: true, maximumFractionDigits: 1 }).replace("kiB", "KiB");
}

/** A number of parameters as people write it, e.g. `2.6M`. */
export function parameters(count: number | null): string {
  if (count === null) return "?";
  for (const [unit, size] of [["T", 1e12], ["B", 1e9], ["M", 1e6], ["K", 1e3]] as const) {
    if (count >= size) return `${(count / size).toFixed(1)}${unit}`;
  }
  return String(count);
}

/** Usage in the wire's spelling, for `--json`. */
export function usageJson(usage: Usage) {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    cached_tokens: usage.cachedTokens,
  };
}

/** Timings in the wire's spelling, for `--json`. Milliseconds, and tokens per second. */
export function timingsJson(timings: Timings) {
  return {
    queue_ms: timings.queueMs,
    prompt_ms: timings.promptMs,
    first_token_ms: timings.firstTokenMs,
    predicted_ms: timings.predictedMs,
    prompt_per_second: timings.promptPerSecond,
    predicted_per_second: timings.predictedPerSecond,
  };
}
