/** The committed table of the suite's tests: one line a test. */
import type { TestOutcome } from "./suite.ts";

/**
 * `pass`; `pass adapted`, when what differs on purpose was adapted; `not comparable`, when the test needs a
 * model that cannot be had; `not applicable`, when Shimmy has no such function or behaves otherwise on
 * purpose; `fail`.
 */
export const STATUSES = [
  "pass",
  "pass adapted",
  "not comparable",
  "not applicable",
  "fail",
] as const;
export type Status = (typeof STATUSES)[number];

/** A line of the table. */
export interface Line {
  readonly id: string;
  readonly status: Status;
  /** Why the test does not pass, or what was adapted; empty for one that passes. */
  readonly reason: string;
}

/** Why tests do not pass, for the first entry that matches the id and the failed assertion. */
export interface Reason {
  readonly test: RegExp;
  /** Matches the statement that failed, with what was found: `STATEMENT # DETAIL`. */
  readonly failure: RegExp;
  readonly status: Exclude<Status, "pass" | "pass adapted">;
  readonly reason: string;
}

/** The line of a test that has run. */
export function lineOf(outcome: TestOutcome, reasons: readonly Reason[]): Line {
  const { failure, differences } = outcome;
  const id = oneLine(outcome.id);
  if (outcome.outcome === "passed") {
    return differences.length === 0
      ? { id, status: "pass", reason: "" }
      : { id, status: "pass adapted", reason: differences.join(", ") };
  }
  const known = reasons.find((one) => one.test.test(id) && one.failure.test(failure));
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
      [status, id, reason].filter((part) => part !== "").join(SEPARATOR)
    ).join("\n") + "\n";
}

/** Names of tests have line breaks where their parameters have. */
function oneLine(id: string): string {
  return id.replaceAll("\n", "\\n");
}

/** The lines of a table by their ids. An id may have the separator in it, a reason has not. */
export function readTable(text: string): Map<string, Line> {
  const lines = text.split("\n").filter((line) => line !== "").map((line): Line => {
    const [status, ...rest] = line.split(SEPARATOR);
    const reason = status === "pass" ? "" : rest.pop()!;
    return { id: rest.join(SEPARATOR), status: status as Status, reason };
  });
  return new Map(lines.map((line) => [line.id, line]));
}

/**
 * Tests that passed and fail now, and tests that did not pass and now fail for a reason that is not the
 * one in the table.
 */
export function regressions(table: ReadonlyMap<string, Line>, lines: readonly Line[]): Line[] {
  return lines.filter((line) => {
    const before = table.get(line.id);
    if (passes(line) || before === undefined) return false;
    return passes(before) || before.reason !== line.reason;
  });
}

/** Counts by status, in the order of {@linkcode STATUSES}. */
export function summary(lines: readonly Line[]): string {
  return STATUSES.map((status) => {
    const count = lines.filter((line) => line.status === status).length;
    return `${count} ${status}`;
  }).join(", ");
}
