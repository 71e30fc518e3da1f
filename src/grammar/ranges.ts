import type { Dfa } from "./automaton.ts";
import { intersection } from "./combine.ts";
import { type Conjunct, readFormat } from "./conjunct.ts";
import type { Context } from "./context.ts";
import { wholeAutomaton } from "./determinize.ts";
import { chars, type Expr, ref } from "./expr.ts";
import { formatRange } from "./formats.ts";
import { readNumber } from "./keywords.ts";
import { type Bounds, decimal, multiples, numbersWithin } from "./numbers.ts";
import type { Rules } from "./rules.ts";
import type { SchemaNode } from "./schema.ts";
import { automatonExpr } from "./strings.ts";

/** A divisor is a state for every remainder and every digit. */
const MAX_UNITS = 1_000;
const MAX_FRACTION = 6;
const QUOTIENT_DIGITS = 12;
/** Bounds beyond this leave a number as free as digits do. */
const WIDEST = 1e15;

/** What nodes together demand of a number. */
export interface NumberDemand extends Bounds {
  readonly divisors: readonly { readonly node: SchemaNode; readonly value: number }[];
}

export function numberDemand(context: Context, nodes: readonly SchemaNode[]): NumberDemand {
  const { document } = context;
  let [min, max, above, below] = [-Infinity, Infinity, -Infinity, Infinity];
  const divisors: { node: SchemaNode; value: number }[] = [];
  for (const node of nodes) {
    const format = readFormat(context, node);
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
  return { min, max, above, below, divisors };
}

/** True if a number keeps to what nodes demand. */
export function numberFits(context: Context, nodes: readonly SchemaNode[], value: number): boolean {
  const { min, max, above, below, divisors } = numberDemand(context, nodes);
  return value >= min && value <= max && value > above && value < below &&
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
  const { divisors, ...bounds } = demand;
  const integer = !meant.has("number");
  const free = Math.max(bounds.min, bounds.above) <= -WIDEST &&
    Math.min(bounds.max, bounds.below) >= WIDEST;
  if (divisors.length === 0) {
    if (free) return ref(integer ? "json-integer" : "json-number");
    return numbersWithin(bounds, integer ? 0 : null);
  }
  const automata = divisors.map(({ node, value }) => divisorAutomaton(context, node, value));
  const fraction = integer ? 0 : Math.max(...divisors.map(({ value }) => decimal(value).fraction));
  // Validators divide doubles: the quotient must be one that a double holds with room to spare.
  const whole = fraction === 0 ? undefined : QUOTIENT_DIGITS - fraction;
  const { node } = divisors[0]!;
  const dfa = context.regular(
    node,
    "multipleOf",
    () => intersection(wholeAutomaton(numbersWithin(bounds, fraction, whole)), ...automata),
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
