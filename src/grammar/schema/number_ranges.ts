import { type Dfa, intersection, wholeAutomaton } from "../regex/mod.ts";
import { readFormat, type TypeConstraint } from "./type_constraint.ts";
import type { Context } from "./context.ts";
import { chars, type Expr, ref } from "../expression/mod.ts";
import { formatRange, isWholeFormat } from "./formats.ts";
import { readExclusive, readNumber, type SchemaNode } from "../document/mod.ts";
import { type Bounds, decimal, multiples, numbersWithin, type Rules } from "../rules/mod.ts";
import { automatonExpr } from "./strings.ts";

/** Maximum divisor. It needs a state for every remainder and digit. */
const MAX_UNITS = 1_000;
const MAX_FRACTION = 6;
const QUOTIENT_DIGITS = 12;
/** Unbounded integers have fewer digits, and doubles represent all integers up to here. */
const WIDEST = 1e15;

/** Combined number constraints of several nodes. */
export interface NumberConstraint extends Bounds {
  /** True if a format allows integers only. */
  readonly isInteger: boolean;
  readonly divisors: readonly { readonly node: SchemaNode; readonly value: number }[];
}

export function numberConstraint(context: Context, nodes: readonly SchemaNode[]): NumberConstraint {
  const { document } = context;
  let [min, max, above, below] = [-Infinity, Infinity, -Infinity, Infinity];
  let isInteger = false;
  const divisors: { node: SchemaNode; value: number }[] = [];
  for (const node of nodes) {
    const format = readFormat(context, node);
    isInteger ||= format !== undefined && isWholeFormat(format);
    const range = (format === undefined ? null : formatRange(format)) ?? [-Infinity, Infinity];
    min = Math.max(min, range[0], readNumber(document, node, "minimum") ?? -Infinity);
    max = Math.min(max, range[1], readNumber(document, node, "maximum") ?? Infinity);
    above = Math.max(above, readExclusive(document, node, "exclusiveMinimum") ?? -Infinity);
    below = Math.min(below, readExclusive(document, node, "exclusiveMaximum") ?? Infinity);
    const value = readNumber(document, node, "multipleOf");
    if (value === undefined) continue;
    if (value <= 0) throw document.malformed(node, "multipleOf", "a number above 0");
    divisors.push({ node, value });
  }
  return { min, max, above, below, isInteger, divisors };
}

/** True if a number satisfies the constraints of the nodes. */
export function isValidNumber(
  context: Context,
  nodes: readonly SchemaNode[],
  value: number,
): boolean {
  const { min, max, above, below, isInteger, divisors } = numberConstraint(context, nodes);
  return value >= min && value <= max && value > above && value < below &&
    (!isInteger || Number.isInteger(value)) &&
    divisors.every(({ value: divisor }) => divides(divisor, value));
}

/** Divisibility of the decimals, not of their double approximations. */
function divides(divisor: number, value: number): boolean {
  const a = decimal(value);
  const b = decimal(divisor);
  const scale = (power: number) => 10n ** BigInt(Math.max(0, power));
  const left = a.units * scale(b.fraction - a.fraction);
  const right = b.units * scale(a.fraction - b.fraction);
  return left % right === 0n;
}

/** A JSON number or integer that satisfies the constraints of the nodes. */
export function numberExpr(
  context: Context,
  rules: Rules,
  { nodes, generatedTypes }: TypeConstraint,
  hint: string,
): Expr {
  const constraint = numberConstraint(context, nodes);
  const { divisors, isInteger, ...bounds } = constraint;
  const integer = isInteger || !generatedTypes.has("number");
  const [lowest, highest] = [
    Math.max(bounds.min, bounds.above),
    Math.min(bounds.max, bounds.below),
  ];
  if (divisors.length === 0) {
    // Integers are shorter than such bounds; numbers have exponents.
    const limit = integer ? WIDEST : Infinity;
    const free = lowest <= -limit && highest >= limit;
    if (free) return ref(integer ? "json-integer" : "json-number");
    return numbersWithin(bounds, integer ? 0 : null);
  }
  const automata = divisors.map(({ node, value }) => divisorAutomaton(context, node, value));
  const fraction = integer ? 0 : Math.max(...divisors.map(({ value }) => decimal(value).fraction));
  // Validators divide doubles, so the quotient must be exact with a margin.
  const digits = fraction === 0 ? undefined : QUOTIENT_DIGITS - fraction;
  const { node } = divisors[0]!;
  if (lowest >= WIDEST || highest <= -WIDEST) {
    throw context.document.unsupported(
      node,
      "multipleOf",
      `numbers beyond ${WIDEST} are not exact enough for a division`,
    );
  }
  const dfa = context.buildAutomaton(
    node,
    "multipleOf",
    () => intersection(wholeAutomaton(numbersWithin(bounds, fraction, digits)), ...automata),
  );
  return automatonExpr(rules, dfa, hint, chars);
}

function divisorAutomaton(context: Context, node: SchemaNode, value: number): Dfa {
  const { units, fraction } = decimal(value);
  if (units > BigInt(MAX_UNITS) || fraction > MAX_FRACTION) {
    throw context.document.unsupported(
      node,
      "multipleOf",
      `a grammar supports divisors of up to ${MAX_UNITS} units and ${MAX_FRACTION} decimals`,
    );
  }
  return multiples(Number(units), fraction);
}
