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

/** What a number must keep to. Absent bounds are infinite. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
  /** The bound itself is excluded. */
  readonly above: number;
  readonly below: number;
}

/** Digits of integers and of fractions where nothing else limits them: such integers are exact. */
const INTEGER_DIGITS = 15;
const FRACTION_DIGITS = 10;
/** Digits behind the point that bounds are read to; further ones are rounded inwards. */
const MAX_FRACTION_DIGITS = 20;
/** A double tells decimal numbers of this many significant digits apart. */
const EXACT_DIGITS = 15;

/**
 * The decimal numbers within bounds, without exponents, as a regular expression.
 *
 * Numbers are taken as integers in units of the last digit; a bound of zeros and nines falls apart
 * digit by digit into classes.
 *
 * @param fraction Digits behind the point at most; 0 for integers, `null` for as many as make sense.
 * @param whole Digits before the point where no bound says otherwise.
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
    beyond(scaled(bounds.above, digits, "down"), 1n),
  ]);
  const high = smallest([
    scaled(bounds.max, digits, "down"),
    beyond(scaled(bounds.below, digits, "up"), -1n),
  ]);
  // A side without a bound, or with one that no model reaches, ends where digits do.
  const from = largest([low, high !== null && high < -widest ? high * 10n : -widest])!;
  const to = smallest([high, from > widest ? from * 10n : widest])!;
  if (from > to) return NOTHING;
  const negative = from < 0n
    ? seq(chars(charsOf("-")), magnitudes(to < 0n ? -to : digits > 0 ? 0n : 1n, -from, digits))
    : NOTHING;
  const positive = to >= 0n ? magnitudes(from > 0n ? from : 0n, to, digits) : NOTHING;
  return alt(...[negative, positive].filter((part) => part !== NOTHING));
}

/** An exclusive bound, moved by as much as a double needs to tell the result from the bound. */
function beyond(bound: bigint | null, direction: 1n | -1n): bigint | null {
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

/** A double as the shortest decimal that reads as it: its digits, and how many are behind the point. */
export function decimal(value: number): { readonly units: bigint; readonly fraction: number } {
  const [mantissa, exponent] = value.toExponential().split("e") as [string, string];
  const [whole, rest = ""] = mantissa.split(".") as [string, string?];
  const shift = Number(exponent) - rest.length;
  const units = BigInt(whole + rest);
  return shift >= 0
    ? { units: units * 10n ** BigInt(shift), fraction: 0 }
    : { units, fraction: -shift };
}

/** A bound in units of the last of `digits` fraction digits; null where it is infinite. */
function scaled(bound: number, digits: number, rounding: "up" | "down"): bigint | null {
  if (!Number.isFinite(bound)) return null;
  const { units, fraction } = decimal(bound);
  if (fraction <= digits) return units * 10n ** BigInt(digits - fraction);
  const divisor = 10n ** BigInt(fraction - digits);
  const floor = units / divisor - (units < 0n && units % divisor !== 0n ? 1n : 0n);
  return rounding === "up" && units % divisor !== 0n ? floor + 1n : floor;
}

/** The numbers from `low` to `high` (units, not negative), by how many digits stand before the point. */
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
      const least = unlessAll("0", padded(from, width));
      const most = unlessAll("9", padded(to, width));
      forms.push(between(least, most, length, fraction));
    }
  }
  return alt(...forms);
}

const DIGIT = digitRange(0, 9);

function digitRange(low: number, high: number): Regular {
  return chars(charSet([0x30 + low, 0x30 + high]));
}

function padded(units: bigint, width: number): string {
  return String(units).padStart(width, "0");
}

/**
 * What follows before the point and behind it when the remaining digits lie between `low` and `high`;
 * `null` where an earlier digit has already decided that side.
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
    eachDigit(low, high, (a, b) => behindPoint(a, b, fraction - 1)),
  );
  return mayEnd(low) ? optional(tail) : tail;
}

/** What follows behind the point; digits left out count as zeros. */
function behindPoint(low: string | null, high: string | null, left: number): Regular {
  if (low === null && high === null) return repeat(DIGIT, 0, left);
  if (low === null && /^0+$/.test(high!)) return repeat(digitRange(0, 0), 0, left);
  if (left === 0) return EMPTY;
  const rest = eachDigit(low, high, (a, b) => behindPoint(a, b, left - 1));
  return mayEnd(low) ? optional(rest) : rest;
}

/** Zeros do not bind from below, nor nines from above: null where the digits are nothing else. */
function unlessAll(digit: "0" | "9", digits: string): string | null {
  return digits.replaceAll(digit, "") === "" ? null : digits;
}

function mayEnd(low: string | null): boolean {
  return low === null || /^0*$/.test(low);
}

/** One digit and what follows it: digits that leave both sides decided go together. */
function eachDigit(
  low: string | null,
  high: string | null,
  rest: (low: string | null, high: string | null) => Regular,
): Regular {
  const from = Number(low?.[0] ?? 0);
  const to = Number(high?.[0] ?? 9);
  const tight = (digit: number) =>
    (low !== null && digit === from) || (high !== null && digit === to);
  const forms: Regular[] = [];
  for (let first = from; first <= to;) {
    let last = first;
    if (tight(first)) {
      const a = low !== null && first === from ? low.slice(1) : "";
      const b = high !== null && first === to ? high.slice(1) : "";
      forms.push(seq(digitRange(first, first), rest(unlessAll("0", a), unlessAll("9", b))));
    } else {
      while (last < to && !tight(last + 1)) last++;
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
 * The decimal numbers that are multiples of `units / 10^fraction`, as an automaton that carries the
 * remainder of the digits read so far.
 *
 * @param units At most a few thousand: each remainder is a state for every digit behind the point.
 */
export function multiples(units: number, fraction: number): Dfa {
  const scale = (power: number) => Number(10n ** BigInt(power) % BigInt(units));
  // States: the start, behind "-", then layer by layer every remainder.
  const state = (layer: number, remainder: number) => 2 + layer * units + remainder;
  const digit = (value: number) => charSet([0x30 + value, 0x30 + value]);
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
  // Layer 0 has no point yet, layer 1 ends in it, layer n + 1 has n digits behind it.
  const layers = fraction === 0 ? 1 : fraction + 2;
  for (let layer = 0; layer < layers; layer++) {
    const behind = Math.max(0, layer - 1);
    for (let remainder = 0; remainder < units; remainder++) {
      const divisible = (remainder * scale(fraction - behind)) % units === 0;
      const edges = layer === 0
        ? [
          ...step(0, remainder),
          ...(fraction > 0 ? [{ set: charsOf("."), to: state(1, remainder) }] : []),
        ]
        : behind < fraction
        ? step(layer + 1, remainder)
        : [];
      states.push({ accepts: divisible && layer !== 1, edges });
    }
  }
  return states;
}
