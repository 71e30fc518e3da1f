import { quantile } from "../bench/stats.ts";
import type { ServedRequest } from "./simulate.ts";

/** What a client and an operator see of a run. */
export interface RunSummary {
  readonly requests: number;
  /** Milliseconds from a request to its first token. */
  readonly firstTokenMean: number;
  readonly firstTokenP50: number;
  readonly firstTokenP95: number;
  /** Generated tokens per second from the first request to the last token. */
  readonly tokensPerSecond: number;
  /** Requests per second, likewise. */
  readonly requestsPerSecond: number;
  /** Prompt tokens that were cached, as a part of all, 0 to 1. */
  readonly cacheHitRate: number;
}

/** @throws {RangeError} without requests */
export function summarize(served: readonly ServedRequest[]): RunSummary {
  const first = served.map(({ sentAt, firstTokenAt }) => firstTokenAt - sentAt);
  const begun = Math.min(...served.map(({ sentAt }) => sentAt));
  const ended = Math.max(...served.map(({ endedAt }) => endedAt));
  const seconds = (ended - begun) / 1000;
  const sum = (of: (one: ServedRequest) => number) =>
    served.reduce((total, one) => total + of(one), 0);
  return {
    requests: served.length,
    firstTokenMean: first.reduce((total, ms) => total + ms, 0) / first.length,
    firstTokenP50: quantile(first, 0.5),
    firstTokenP95: quantile(first, 0.95),
    tokensPerSecond: sum(({ completionTokens }) => completionTokens) / seconds,
    requestsPerSecond: served.length / seconds,
    cacheHitRate: sum(({ cachedTokens }) => cachedTokens) / sum(({ promptTokens }) => promptTokens),
  };
}

/** The columns of a table with summaries. */
export const SUMMARY_HEAD = [
  "first token, mean",
  "p50",
  "p95",
  "tokens/s",
  "requests/s",
  "prompt tokens cached",
] as const;

/** The cells of a summary. */
export function summaryCells(summary: RunSummary): string[] {
  return [
    `${Math.round(summary.firstTokenMean)} ms`,
    `${Math.round(summary.firstTokenP50)} ms`,
    `${Math.round(summary.firstTokenP95)} ms`,
    summary.tokensPerSecond.toFixed(1),
    summary.requestsPerSecond.toFixed(2),
    `${Math.round(summary.cacheHitRate * 100)} %`,
  ];
}
