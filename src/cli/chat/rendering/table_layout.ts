import { displayWidth } from "../../output/mod.ts";
import { InlineMarkdown } from "./inline_markdown.ts";
import { styled, type Styles, withoutStyles } from "./styles.ts";

/** A row between the heading of a table and its cells. */
const RULE = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;

/**
 * Lines of a table in aligned columns. Null: the lines are no table, or it is wider than the terminal.
 */
export function layOutTable(
  lines: readonly string[],
  columns: number,
  styles: Styles,
): string | null {
  if (lines.length < 2 || !RULE.test(lines[1]!)) return null;
  const rule = cellsOf(lines[1]!);
  const rows = [lines[0]!, ...lines.slice(2)].map((line) =>
    cellsOf(line).map((cell) => inline(cell, styles))
  );
  const widths = rule.map((_, at) => Math.max(3, ...rows.map((row) => widthOf(row[at] ?? ""))));
  const total = widths.reduce((sum, width) => sum + width + 3, -3);
  if (total > columns) return null;
  const line = (row: readonly string[]) =>
    widths.map((width, at) => aligned(row[at] ?? "", width, rule[at]!)).join(" │ ").trimEnd();
  const [heading, ...body] = rows;
  return [
    styled(styles.bold, line(heading!)),
    widths.map((width) => "─".repeat(width)).join("─┼─"),
    ...body.map(line),
  ].map((text) => `${text}\n`).join("");
}

function cellsOf(line: string): string[] {
  const inner = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function inline(cell: string, styles: Styles): string {
  const markdown = new InlineMarkdown(styles);
  return markdown.push(cell) + markdown.end();
}

function widthOf(cell: string): number {
  return displayWidth(withoutStyles(cell));
}

/** @param rule The cell of the rule: a colon at an end aligns to it. */
function aligned(cell: string, width: number, rule: string): string {
  const free = width - widthOf(cell);
  const isRight = rule.endsWith(":");
  const left = !isRight ? 0 : rule.startsWith(":") ? Math.floor(free / 2) : free;
  return " ".repeat(left) + cell + " ".repeat(free - left);
}
