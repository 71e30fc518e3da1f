import { addCounts, type Counts, NO_COUNTS } from "./load/tally.ts";
import { type Growth, growthOf } from "./measure/growth.ts";
import type { RestSample } from "./measure/observer.ts";
import type { FaultResult } from "./soak.ts";

/** Growth that counts as noise: megabytes of memory, handles, threads. */
const ALLOWANCES = { residentMb: 32, handles: 8, threads: 8 } as const;

/** What a run has shown. */
export interface Verdict {
  readonly total: Counts;
  readonly growth: readonly Growth[];
  /** Empty if the run has passed. */
  readonly failures: readonly string[];
}

/** Judges a run: answers are not lost, nothing grows without bound, and no problem was reported. */
export function judge(
  results: readonly FaultResult[],
  rests: readonly RestSample[],
  problems: readonly string[],
): Verdict {
  const total = results.map(countsOf).reduce(addCounts, NO_COUNTS);
  const growth = growthOfRests(rests);
  const failures = [...problems];
  for (const { name, isUnbounded, middle, end } of growth) {
    if (isUnbounded) failures.push(`${name} grew from ${middle.toFixed(0)} to ${end.toFixed(0)}`);
  }
  for (const { name, tallies } of results) {
    for (const why of new Set(tallies.flatMap(({ reasons }) => reasons))) {
      failures.push(`${name}: lost ${why}`);
    }
  }
  if (total.lost > 0) failures.push(`${total.lost} answers were lost`);
  if (total.answered === 0) failures.push("no request was answered");
  return { total, growth, failures };
}

function growthOfRests(rests: readonly RestSample[]): Growth[] {
  return (["server", "models"] as const).flatMap((who) =>
    (["residentMb", "handles", "threads"] as const).map((what) =>
      growthOf({
        name: `${who}: ${what === "residentMb" ? "MB resident" : what}`,
        values: rests.map((sample) => sample[who][what]),
        allowance: ALLOWANCES[what],
      })
    )
  );
}

/** The tables of a run in Markdown. */
export function tables(results: readonly FaultResult[], { total, growth }: Verdict): string {
  const rows = results.map((result) =>
    result.skipped === null
      ? rowOf(result.name, String(result.runs), countsOf(result))
      : `| ${result.name} | not run: ${result.skipped} | | | | |`
  );
  const growthRows = growth.map(({ name, ...values }) => {
    const { first, middle, end, last } = values;
    const numbers = [first, middle, end, last].map((value) => value.toFixed(0));
    return `| ${name} | ${numbers.join(" | ")} |`;
  });
  return [
    "| fault | runs | answered | refused | ended with an error | lost |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
    ...rows,
    rowOf("all", "", total),
    "",
    "| at rest | first | median of the second third | of the last third | last |",
    "| --- | ---: | ---: | ---: | ---: |",
    ...growthRows,
  ].join("\n");
}

function countsOf({ tallies }: FaultResult): Counts {
  return tallies.map(({ counts }) => counts).reduce(addCounts, NO_COUNTS);
}

function rowOf(name: string, runs: string, { answered, refused, failed, lost }: Counts): string {
  const statuses = Object.entries(refused).map(([status, count]) => `${count} × ${status}`);
  return `| ${name} | ${runs} | ${answered} | ${
    statuses.join(", ") || "0"
  } | ${failed} | ${lost} |`;
}
