import { type CharSet, complement, type Expr, isEmpty, onlyPoint } from "../expression/mod.ts";

/** A text as a quoted GBNF literal. */
export function literal(value: string): string {
  return `"${value.replace(/["\\\p{Cc}]/gu, (char) => escapePoint(char.codePointAt(0)!))}"`;
}

/** Prints a rule's body as GBNF. */
export function print(expr: Expr): string {
  return printAt(expr, 0);
}

/**
 * Precedence: 0 where alternatives need no parentheses, 1 within a sequence, 2 before a quantifier.
 */
function printAt(expr: Expr, precedence: 0 | 1 | 2): string {
  switch (expr.kind) {
    case "text":
      return literal(expr.text);
    case "chars": {
      const point = onlyPoint(expr.set);
      return point === null ? printClass(expr.set) : literal(String.fromCodePoint(point));
    }
    case "ref":
      return expr.rule;
    case "seq":
      if (isEmpty(expr)) return '""';
      return group(expr.items.map((item) => printAt(item, 1)).join(" "), precedence === 2);
    case "alt":
      return group(expr.items.map((item) => printAt(item, 0)).join(" | "), precedence > 0);
    case "repeat":
      return group(
        printAt(expr.item, 2) + quantifier(expr.min, expr.max),
        precedence === 2,
      );
  }
}

function group(body: string, needed: boolean): string {
  return needed ? `(${body})` : body;
}

function quantifier(min: number, max: number): string {
  if (max === Infinity) return min === 0 ? "*" : min === 1 ? "+" : `{${min},}`;
  if (min === 0 && max === 1) return "?";
  return min === max ? `{${min}}` : `{${min},${max}}`;
}

/** A bracketed class. It is negated if the set reaches the end of Unicode. */
function printClass(set: CharSet): string {
  const negated = set.at(-1)?.[1] === 0x10ffff;
  const ranges = negated ? complement(set) : set;
  if (negated && ranges.length === 0) return "[^\\x00]";
  const body = ranges.map(([low, high]) =>
    low === high
      ? escapePoint(low)
      : `${escapePoint(low)}${high === low + 1 ? "" : "-"}${escapePoint(high)}`
  );
  return `[${negated ? "^" : ""}${body.join("")}]`;
}

const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escapePoint(point: number): string {
  const char = String.fromCodePoint(point);
  if (NAMED[char] !== undefined) return NAMED[char];
  if ('\\"[]-'.includes(char)) return `\\${char}`;
  if (char === "^" || point < 0x20) return `\\x${hex(point, 2)}`;
  if (point < 0x7f) return char;
  if (point <= 0xff) return `\\x${hex(point, 2)}`;
  return point <= 0xffff ? `\\u${hex(point, 4)}` : `\\U${hex(point, 8)}`;
}

function hex(point: number, digits: number): string {
  return point.toString(16).toUpperCase().padStart(digits, "0");
}
