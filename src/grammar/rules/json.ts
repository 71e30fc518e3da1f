import {
  alt,
  chars,
  type CharSet,
  charSet,
  charsOf,
  complement,
  type Expr,
  intersect,
  isEmpty,
  oneOf,
  optional,
  ref,
  repeat,
  seq,
  subtract,
  text,
  union,
} from "../expression/mod.ts";

/** Characters that must be escaped in JSON strings: quotes, backslashes and control characters. */
const ESCAPED: CharSet = union(charSet([[0, 0x1f], [0x7f, 0x7f]]), charsOf('"\\'));
const HEX = oneOf("0123456789abcdefABCDEF");
const DIGIT = oneOf("0123456789");

/**
 * Maximum digits of an unbounded number. A model in a loop of digits would never end otherwise. All
 * numbers of this length are finite doubles.
 */
const INTEGER_DIGITS = 15;
const FRACTION_DIGITS = 17;
const EXPONENT_DIGITS = 2;
/** Levels of indentation are limited for the same reason. */
const INDENTATION = 20;

/** Name of the rule for strings with bounds of their length. */
export function boundedString(min: number, max: number): string {
  return `json-string-${min}-${max}`;
}

/** Name of the rule for strings of a format. */
export function formattedString(format: string): string {
  return `json-format-${format}`;
}

/** True for the names of string rules that all schemas of a grammar share. */
export function isSharedString(name: string): boolean {
  return /^json-(string-\d+-(\d+|Infinity)|format-[a-z\d-]+)$/.test(name);
}

/** Rules of JSON itself, by rule name. */
export const JSON_RULES: Readonly<Record<string, (compact: boolean) => Expr>> = {
  "ws": (compact) =>
    compact ? text("") : optional(
      alt(text(" "), seq(text("\n"), repeat(oneOf(" \t"), 0, INDENTATION))),
    ),
  "json-char": () =>
    alt(
      chars(complement(ESCAPED)),
      seq(text("\\"), alt(oneOf('"\\/bfnrt'), seq(text("u"), ref("json-unicode")))),
    ),
  // Escapes in strings with constrained content. Each character has one spelling.
  "json-escape": () =>
    seq(
      text("\\"),
      alt(oneOf('"\\bfnrt'), seq(text("u00"), alt(seq(oneOf("01"), HEX), text("7f")))),
    ),
  // A surrogate is only allowed in a pair, which counts as one character.
  "json-unicode": () =>
    alt(
      seq(oneOf("0123456789abcefABCEF"), repeat(HEX, 3, 3)),
      seq(oneOf("dD"), oneOf("01234567"), repeat(HEX, 2, 2)),
      seq(
        oneOf("dD"),
        oneOf("89abAB"),
        repeat(HEX, 2, 2),
        text("\\u"),
        oneOf("dD"),
        oneOf("cdefCDEF"),
        repeat(HEX, 2, 2),
      ),
    ),
  "json-string": () => seq(text('"'), repeat(ref("json-char"), 0, Infinity), text('"')),
  "json-integer": () =>
    seq(
      optional(text("-")),
      alt(text("0"), seq(oneOf("123456789"), repeat(DIGIT, 0, INTEGER_DIGITS - 1))),
    ),
  "json-number": () =>
    seq(
      ref("json-integer"),
      optional(seq(text("."), repeat(DIGIT, 1, FRACTION_DIGITS))),
      optional(seq(oneOf("eE"), optional(oneOf("+-")), repeat(DIGIT, 1, EXPONENT_DIGITS))),
    ),
  "json-value": () =>
    alt(
      ref("json-object"),
      ref("json-array"),
      ref("json-string"),
      ref("json-number"),
      text("true"),
      text("false"),
      text("null"),
    ),
  "json-array": () =>
    bracketed(
      "[]",
      optional(seq(ref("json-value"), repeat(seq(COMMA, ref("json-value")), 0, Infinity))),
    ),
  "json-object": () =>
    bracketed(
      "{}",
      optional(seq(ref("json-pair"), repeat(seq(COMMA, ref("json-pair")), 0, Infinity))),
    ),
  "json-pair": () => seq(ref("json-string"), COLON, ref("json-value")),
};

/** Separators with optional whitespace after them. */
export const COMMA: Expr = seq(text(","), ref("ws"));
export const COLON: Expr = seq(text(":"), ref("ws"));

/** Members in brackets with whitespace. */
export function bracketed(brackets: "[]" | "{}", objectMembers: Expr): Expr {
  const inside =
    objectMembers.kind === "repeat" && objectMembers.min === 0 && objectMembers.max === 1
      ? optional(seq(objectMembers.item, ref("ws")))
      : isEmpty(objectMembers)
      ? objectMembers
      : seq(objectMembers, ref("ws"));
  return seq(text(brackets[0]!), ref("ws"), inside, text(brackets[1]!));
}

/** A character of a set inside a JSON string, in its simplest spelling. */
export function jsonCharacter(set: CharSet): Expr {
  const plain = subtract(set, ESCAPED);
  const special = intersect(set, ESCAPED);
  const spellings: Expr[] = plain.length > 0 ? [chars(plain)] : [];
  if (subtract(ESCAPED, special).length === 0) return alt(...spellings, ref("json-escape"));
  for (const [low, high] of special) {
    for (let point = low; point <= high; point++) spellings.push(text(escapedCharacter(point)));
  }
  return alt(...spellings);
}

function escapedCharacter(point: number): string {
  return point === 0x7f ? "\\u007f" : JSON.stringify(String.fromCodePoint(point)).slice(1, -1);
}
