import type { Dfa } from "../regex/mod.ts";
import {
  alt,
  chars,
  charSet,
  charsOf,
  EMPTY,
  NOTHING,
  oneOf,
  optional,
  type Regular,
  repeat,
  seq,
} from "../expression/mod.ts";

/** Bounds of a number. Absent bounds are infinite. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
  /** Exclusive bounds. */
  readonly above: number;
  readonly below: number;
}

/**
 * Default number of digits of integers and fractions. Integers of this length are exact doubles.
 */
const INTEGER_DIGITS = 15;
const FRACTION_DIGITS = 10;
/** Maximum number of fraction digits of a bound. Further digits are rounded inwards. */
const MAX_FRACTION_DIGITS = 20;
/** Number of significant digits that a double always distinguishes. */
const EXACT_DIGITS = 15;

/**
 * The decimal numbers within bounds, without exponents, as a regular expression.
 *
 * Numbers are treated as integers in units of the last fraction digit. Each bound is split digit by
 * digit into classes.
 *
 * @param fraction Maximum number of fraction digits; 0 for integers, `null` for a default.
 * @param whole Number of integer digits if there is no bound.
 */
export function numbersWithin(
  bounds: Bounds,
  fraction: number | null,
  whole = INTEGER_DIGITS,
): Regular {
  const given = [bounds.min, bounds.max, bounds.above, bounds.below].filter(Number.isFinite);
  const digits = fraction ??
    Math.min(
      MAX_FRACTION_DIGITS,
      Math.max(FRACTION_DIGITS, ...given.map((bound) => decimal(bound).fraction)),
    );
  const widest = 10n ** BigInt(whole + digits) - 1n;
  const low = largest([
    scaled(bounds.min, digits, "up"),
    exclusiveBound(scaled(bounds.above, digits, "down"), 1n),
  ]);
  const high = smallest([
    scaled(bounds.max, digits, "down"),
    exclusiveBound(scaled(bounds.below, digits, "up"), -1n),
  ]);
  // Without a bound, or with a bound beyond practical values, the number of digits is the limit.
  const from = largest([low, high !== null && high < -widest ? high * 10n : -widest])!;
  const to = smallest([high, from > widest ? from * 10n : widest])!;
  if (from > to) return NOTHING;
  const negative = from < 0n
    ? seq(chars(charsOf("-")), magnitudes(to < 0n ? -to : digits > 0 ? 0n : 1n, -from, digits))
    : NOTHING;
  const positive = to >= 0n ? magnitudes(from > 0n ? from : 0n, to, digits) : NOTHING;
  return alt(...[negative, positive].filter((part) => part !== NOTHING));
}

/** An exclusive bound, moved to the nearest number that a double distinguishes from it. */
function exclusiveBound(bound: bigint | null, direction: 1n | -1n): bigint | null {
  if (bound === null) return null;
  const digits = String(bound < 0n ? -bound : bound).length;
  return bound + direction * 10n ** BigInt(Math.max(0, digits - EXACT_DIGITS));
}

function largest(values: readonly (bigint | null)[]): bigint | null {
  return values.reduce((a, b) => a === null || (b !== null && b > a) ? b : a, null);
}

function smallest(values: readonly (bigint | null)[]): bigint | null {
  return values.reduce((a, b) => a === null || (b !== null && b < a) ? b : a, null);
}

/**
 * The shortest decimal that parses to a double: its digits as an integer, and the number of
 * fraction digits.
 */
export function decimal(value: number): { readonly units: bigint; readonly fraction: number } {
  const [mantissa, exponent] = value.toExponential().split("e") as [string, string];
  const [whole, rest = ""] = mantissa.split(".") as [string, string?];
  const shift = Number(exponent) - rest.length;
  const units = BigInt(whole + rest);
  return shift >= 0
    ? { units: units * 10n ** BigInt(shift), fraction: 0 }
    : { units, fraction: -shift };
}

/** A bound in units of the last fraction digit; null if it is infinite. */
function scaled(bound: number, digits: number, rounding: "up" | "down"): bigint | null {
  if (!Number.isFinite(bound)) return null;
  const { units, fraction } = decimal(bound);
  if (fraction <= digits) return units * 10n ** BigInt(digits - fraction);
  const divisor = 10n ** BigInt(fraction - digits);
  const floor = units / divisor - (units < 0n && units % divisor !== 0n ? 1n : 0n);
  return rounding === "up" && units % divisor !== 0n ? floor + 1n : floor;
}

/** The numbers from `low` to `high` (in units, not negative), by number of integer digits. */
function magnitudes(low: bigint, high: bigint, fraction: number): Regular {
  const scale = 10n ** BigInt(fraction);
  const shortest = String(low / scale).length;
  const longest = String(high / scale).length;
  const forms: Regular[] = [];
  for (let length = shortest; length <= longest; length++) {
    const first = length === 1 ? 0n : 10n ** BigInt(length - 1) * scale;
    const last = 10n ** BigInt(length) * scale - 1n;
    const from = low > first ? low : first;
    const to = high < last ? high : last;
    if (length > 1 && from === first && to === last) {
      const run = length;
      while (length < longest && high >= 10n ** BigInt(length + 1) * scale - 1n) length++;
      forms.push(seq(digitRange(1, 9), repeat(DIGIT, run - 1, length - 1), freeFraction(fraction)));
    } else {
      const width = length + fraction;
      const least = nullIfAll("0", padded(from, width));
      const most = nullIfAll("9", padded(to, width));
      forms.push(between(least, most, length, fraction));
    }
  }
  return alt(...forms);
}

const DIGIT = digitRange(0, 9);

function digitRange(low: number, high: number): Regular {
  return chars(charSet([[0x30 + low, 0x30 + high]]));
}

function padded(units: bigint, width: number): string {
  return String(units).padStart(width, "0");
}

/**
 * The remaining digits before and after the decimal point, between `low` and `high`. `null` means
 * that an earlier digit already satisfies the bound.
 */
function between(
  low: string | null,
  high: string | null,
  whole: number,
  fraction: number,
): Regular {
  if (low === null && high === null) {
    return seq(repeat(DIGIT, whole, whole), freeFraction(fraction));
  }
  if (whole > 0) return eachDigit(low, high, (a, b) => between(a, b, whole - 1, fraction));
  if (fraction === 0) return EMPTY;
  const tail = seq(
    oneOf("."),
    eachDigit(low, high, (a, b) => afterPoint(a, b, fraction - 1)),
  );
  return isSatisfied(low) ? optional(tail) : tail;
}

/** The digits after the decimal point. Omitted digits count as zeros. */
function afterPoint(low: string | null, high: string | null, left: number): Regular {
  if (low === null && high === null) return repeat(DIGIT, 0, left);
  if (low === null && /^0+$/.test(high!)) return repeat(digitRange(0, 0), 0, left);
  if (left === 0) return EMPTY;
  const rest = eachDigit(low, high, (a, b) => afterPoint(a, b, left - 1));
  return isSatisfied(low) ? optional(rest) : rest;
}

/**
 * A lower bound of zeros or an upper bound of nines has no effect: returns null for digits that are
 * all equal to `digit`.
 */
function nullIfAll(digit: "0" | "9", digits: string): string | null {
  return digits.replaceAll(digit, "") === "" ? null : digits;
}

function isSatisfied(low: string | null): boolean {
  return low === null || /^0*$/.test(low);
}

/** One digit and the rest. Digits for which both bounds are satisfied form one class. */
function eachDigit(
  low: string | null,
  high: string | null,
  rest: (low: string | null, high: string | null) => Regular,
): Regular {
  const from = Number(low?.[0] ?? 0);
  const to = Number(high?.[0] ?? 9);
  const isBoundary = (digit: number) =>
    (low !== null && digit === from) || (high !== null && digit === to);
  const forms: Regular[] = [];
  for (let first = from; first <= to;) {
    let last = first;
    if (isBoundary(first)) {
      const a = low !== null && first === from ? low.slice(1) : "";
      const b = high !== null && first === to ? high.slice(1) : "";
      forms.push(seq(digitRange(first, first), rest(nullIfAll("0", a), nullIfAll("9", b))));
    } else {
      while (last < to && !isBoundary(last + 1)) last++;
      forms.push(seq(digitRange(first, last), rest(null, null)));
    }
    first = last + 1;
  }
  return alt(...forms);
}

function freeFraction(fraction: number): Regular {
  return fraction === 0 ? EMPTY : optional(seq(oneOf("."), repeat(DIGIT, 1, fraction)));
}

/**
 * Automaton of the decimal multiples of `units / 10^fraction`. Its state is the remainder of the
 * digits so far.
 *
 * @param units At most a few thousand: each remainder needs a state for every fraction digit.
 */
export function multiples(units: number, fraction: number): Dfa {
  const scale = (power: number) => Number(10n ** BigInt(power) % BigInt(units));
  // States: the start, after "-", then every remainder for each layer.
  const state = (layer: number, remainder: number) => 2 + layer * units + remainder;
  const digit = (value: number) => charSet([[0x30 + value, 0x30 + value]]);
  const step = (layer: number, remainder: number) =>
    Array.from({ length: 10 }, (_, value) => ({
      set: digit(value),
      to: state(layer, (remainder * 10 + value) % units),
    }));
  const first = step(0, 0);
  const states = [
    { accepts: false, edges: [{ set: charsOf("-"), to: 1 }, ...first] },
    { accepts: false, edges: first },
  ];
  // Layer 0 has no decimal point, layer 1 ends with it, layer n + 1 has n digits after it.
  const layers = fraction === 0 ? 1 : fraction + 2;
  for (let layer = 0; layer < layers; layer++) {
    const fractionDigits = Math.max(0, layer - 1);
    for (let remainder = 0; remainder < units; remainder++) {
      const divisible = (remainder * scale(fraction - fractionDigits)) % units === 0;
      const edges = layer === 0
        ? [
          ...step(0, remainder),
          ...(fraction > 0 ? [{ set: charsOf("."), to: state(1, remainder) }] : []),
        ]
        : fractionDigits < fraction
        ? step(layer + 1, remainder)
        : [];
      states.push({ accepts: divisible && layer !== 1, edges });
    }
  }
  return states;
}
