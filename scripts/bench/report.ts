import { median } from "./stats.ts";

/** Measured programs: Shimmy, llama-server, and the benchmark programs of llama.cpp. */
export const COLUMNS = ["shimmy", "llama-server", "llama.cpp"] as const;
export type Column = (typeof COLUMNS)[number];

/** Target of a figure: absolute, or relative to another column. */
export interface Target {
  readonly against: Column | null;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** A figure of a scenario, with the values of all rounds. */
export interface Row {
  readonly scenario: number;
  readonly what: string;
  readonly unit: string;
  readonly rounds: Partial<Record<Column, readonly number[]>>;
  readonly targets?: readonly Target[];
}

/** A row with medians, ratios of Shimmy to the others, and the result of each target. */
export interface Result extends Row {
  readonly medians: Partial<Record<Column, number>>;
  readonly ratios: Partial<Record<Column, number>>;
  readonly judged: readonly { readonly target: string; readonly met: boolean }[];
}

/** Computes medians, ratios and target results of a row. */
export function judge(row: Row): Result {
  const medians: Partial<Record<Column, number>> = {};
  for (const column of COLUMNS) {
    const values = row.rounds[column] ?? [];
    if (values.length > 0) medians[column] = median(values);
  }
  const ratios: Partial<Record<Column, number>> = {};
  const ours = medians.shimmy;
  for (const column of COLUMNS) {
    const theirs = medians[column];
    if (column === "shimmy" || ours === undefined || theirs === undefined) continue;
    ratios[column] = ours / theirs;
  }
  const judged = (row.targets ?? []).flatMap((target) => {
    const value = target.against === null ? ours : ratios[target.against];
    if (value === undefined) return [];
    const met = value >= (target.atLeast ?? -Infinity) && value <= (target.atMost ?? Infinity);
    return [{ target: describe(target), met }];
  });
  return { ...row, medians, ratios, judged };
}

function describe({ against, atLeast, atMost }: Target): string {
  const bound = atLeast === undefined ? `<= ${atMost}` : `>= ${atLeast}`;
  return against === null ? bound : `${bound} x ${against}`;
}

/** The results as a Markdown table. */
export function table(results: readonly Result[]): string {
  const head = ["", "figure", "unit", ...COLUMNS, "ratios", "targets"];
  const rows = results.map((result) => [
    String(result.scenario),
    result.what,
    result.unit,
    ...COLUMNS.map((column) => figure(result.medians[column])),
    COLUMNS.flatMap((column) => {
      const ratio = result.ratios[column];
      return ratio === undefined ? [] : [`${figure(ratio)} x ${column}`];
    }).join(", "),
    result.judged.map(({ target, met }) => `${target}: ${met ? "met" : "MISSED"}`).join(", "),
  ]);
  const lines = [head, head.map(() => "---"), ...rows];
  const widths = head.map((_, index) => Math.max(...lines.map((line) => line[index]!.length)));
  return lines.map((line) =>
    `| ${line.map((cell, index) => cell.padEnd(widths[index]!)).join(" | ")} |`
  ).join("\n");
}

function figure(value: number | undefined): string {
  if (value === undefined) return "";
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(3);
}
