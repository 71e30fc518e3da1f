import { type Dfa, intersection, wholeAutomaton } from "../regex/mod.ts";
import { type Conjunct, readFormat } from "./conjunct.ts";
import type { Context } from "./context.ts";
import { chars, type Expr, ref } from "../expression/mod.ts";
import { formatRange, isWholeFormat } from "./formats.ts";
import { readNumber } from "./keywords.ts";
import { type Bounds, decimal, multiples, numbersWithin, type Rules } from "../rules/mod.ts";
import type { SchemaNode } from "./schema.ts";
import { automatonExpr } from "./strings.ts";

/** A divisor is a state for every remainder and every digit. */
const MAX_UNITS = 1_000;
const MAX_FRACTION = 6;
const QUOTIENT_DIGITS = 12;
/** No integer has as many digits where nothing bounds it, and doubles hold all up to here. */
const WIDEST = 1e15;

/** What nodes together demand of a number. */
export interface NumberDemand extends Bounds {
  /** A format takes integers alone. */
  readonly whole: boolean;
  readonly divisors: readonly { readonly node: SchemaNode; readonly value: number }[];
}

export function numberDemand(context: Context, nodes: readonly SchemaNode[]): NumberDemand {
  const { document } = context;
  let [min, max, above, below] = [-Infinity, Infinity, -Infinity, Infinity];
  let whole = false;
  const divisors: { node: SchemaNode; value: number }[] = [];
  for (const node of nodes) {
    const format = readFormat(context, node);
    whole ||= format !== undefined && isWholeFormat(format);
    const range = (format === undefined ? null : formatRange(format)) ?? [-Infinity, Infinity];
    min = Math.max(min, range[0], readNumber(document, node, "minimum") ?? -Infinity);
    max = Math.min(max, range[1], readNumber(document, node, "maximum") ?? Infinity);
    above = Math.max(above, readNumber(document, node, "exclusiveMinimum") ?? -Infinity);
    below = Math.min(below, readNumber(document, node, "exclusiveMaximum") ?? Infinity);
    const value = readNumber(document, node, "multipleOf");
    if (value === undefined) continue;
    if (value <= 0) throw document.malformed(node, "multipleOf", "a number above 0");
    divisors.push({ node, value });
  }
  return { min, max, above, below, whole, divisors };
}

/** True if a number keeps to what nodes demand. */
export function numberFits(context: Context, nodes: readonly SchemaNode[], value: number): boolean {
  const { min, max, above, below, whole, divisors } = numberDemand(context, nodes);
  return value >= min && value <= max && value > above && value < below &&
    (!whole || Number.isInteger(value)) &&
    divisors.every(({ value: divisor }) => divides(divisor, value));
}

/** Divisibility of decimals, not of the doubles that come near them. */
function divides(divisor: number, value: number): boolean {
  const a = decimal(value);
  const b = decimal(divisor);
  const scale = (power: number) => 10n ** BigInt(Math.max(0, power));
  const left = a.units * scale(b.fraction - a.fraction);
  const right = b.units * scale(a.fraction - b.fraction);
  return left % right === 0n;
}

/** A JSON number, or integer, that keeps to what nodes demand. */
export function numberExpr(
  context: Context,
  rules: Rules,
  { nodes, meant }: Conjunct,
  hint: string,
): Expr {
  const demand = numberDemand(context, nodes);
  const { divisors, whole, ...bounds } = demand;
  const integer = whole || !meant.has("number");
  const [least, most] = [Math.max(bounds.min, bounds.above), Math.min(bounds.max, bounds.below)];
  if (divisors.length === 0) {
    // Integers end before such bounds; numbers have exponents.
    const widest = integer ? WIDEST : Infinity;
    const free = least <= -widest && most >= widest;
    if (free) return ref(integer ? "json-integer" : "json-number");
    return numbersWithin(bounds, integer ? 0 : null);
  }
  const automata = divisors.map(({ node, value }) => divisorAutomaton(context, node, value));
  const fraction = integer ? 0 : Math.max(...divisors.map(({ value }) => decimal(value).fraction));
  // Validators divide doubles: the quotient must be one that a double holds with room to spare.
  const digits = fraction === 0 ? undefined : QUOTIENT_DIGITS - fraction;
  const { node } = divisors[0]!;
  if (least >= WIDEST || most <= -WIDEST) {
    throw context.document.refuse(
      node,
      "multipleOf",
      `numbers beyond ${WIDEST} are not exact enough to be divided`,
    );
  }
  const dfa = context.regular(
    node,
    "multipleOf",
    () => intersection(wholeAutomaton(numbersWithin(bounds, fraction, digits)), ...automata),
  );
  return automatonExpr(rules, dfa, hint, chars);
}

function divisorAutomaton(context: Context, node: SchemaNode, value: number): Dfa {
  const { units, fraction } = decimal(value);
  if (units > BigInt(MAX_UNITS) || fraction > MAX_FRACTION) {
    throw context.document.refuse(
      node,
      "multipleOf",
      `a grammar follows divisors of up to ${MAX_UNITS} units and ${MAX_FRACTION} decimals`,
    );
  }
  return multiples(Number(units), fraction);
}
