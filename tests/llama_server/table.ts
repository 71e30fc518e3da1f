/** The committed table of the suite's tests: one line a test. */
import type { TestOutcome } from "./suite.ts";

/**
 * `pass`; `pass without text`, when only texts that one model writes differed; `not comparable`, when the
 * test needs a model that cannot be had; `not applicable`, when Shimmy has no such function or behaves
 * otherwise on purpose; `fail`.
 */
export const STATUSES = [
  "pass",
  "pass without text",
  "not comparable",
  "not applicable",
  "fail",
] as const;
export type Status = (typeof STATUSES)[number];

/** A line of the table. */
export interface Line {
  readonly id: string;
  readonly status: Status;
  /** Why the test does not pass; empty for one that passes. */
  readonly reason: string;
}

/** Why tests do not pass, for the first pattern that matches the id and the failed assertion. */
export interface Reason {
  readonly test: RegExp;
  readonly failure?: RegExp;
  readonly status: Exclude<Status, "pass" | "pass without text">;
  readonly reason: string;
}

/** The line of a test that has run. */
export function lineOf(outcome: TestOutcome, reasons: readonly Reason[]): Line {
  const { id, failure, differentTexts } = outcome;
  if (outcome.outcome === "passed") {
    return { id, status: differentTexts > 0 ? "pass without text" : "pass", reason: "" };
  }
  const known = reasons.find((one) => one.test.test(id) && (one.failure?.test(failure) ?? true));
  if (known !== undefined) return { id, status: known.status, reason: known.reason };
  return { id, status: "fail", reason: failure.replaceAll(/\s+/g, " ").replaceAll("|", "/") };
}

export function passes({ status }: Line): boolean {
  return status.startsWith("pass");
}

const SEPARATOR = " | ";

export function formatTable(lines: readonly Line[]): string {
  return lines.toSorted((a, b) => a.id < b.id ? -1 : 1)
    .map(({ id, status, reason }) =>
      [status, oneLine(id), reason].filter((part) => part !== "").join(SEPARATOR)
    ).join("\n") + "\n";
}

/** Names of tests have line breaks where their parameters have. */
function oneLine(id: string): string {
  return id.replaceAll("\n", "\\n");
}

/** Ids of a table's tests that pass, as the table writes them. */
export function readPassing(text: string): Set<string> {
  return new Set(
    text.split("\n").map((line) => line.split(SEPARATOR)).filter(([status]) =>
      status?.startsWith("pass")
    ).map(([_, ...rest]) => rest.join(SEPARATOR)),
  );
}

/** Tests that the table lists as passing and that failed now. */
export function regressions(passing: ReadonlySet<string>, lines: readonly Line[]): Line[] {
  return lines.filter((line) => !passes(line) && passing.has(oneLine(line.id)));
}

/** Counts by status, in the order of {@linkcode STATUSES}. */
export function summary(lines: readonly Line[]): string {
  return STATUSES.map((status) => {
    const count = lines.filter((line) => line.status === status).length;
    return `${count} ${status}`;
  }).join(", ");
}
