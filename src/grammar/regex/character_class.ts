import {
  ALL,
  type CharSet,
  charSet,
  charsOf,
  complement,
  onlyPoint,
  range,
  union,
} from "../expression/mod.ts";

const DIGITS = range("0", "9");
const WORD = union(range("a", "z"), range("A", "Z"), DIGITS, charsOf("_"));
/** WhiteSpace and LineTerminator of ECMA-262. */
const SPACE = union(
  charSet([[0x09, 0x0d], [0x2000, 0x200a], [0x2028, 0x2029]]),
  charsOf(" \u00a0\u1680\u202f\u205f\u3000\ufeff"),
);

/** `.` without the `s` flag: every character except ECMA-262's line terminators. */
export const DOT: CharSet = complement(charsOf("\n\r\u2028\u2029"));

const SHORTHANDS: Readonly<Record<string, CharSet>> = {
  d: DIGITS,
  D: complement(DIGITS),
  w: WORD,
  W: complement(WORD),
  s: SPACE,
  S: complement(SPACE),
};

const CONTROLS: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  f: "\f",
  "0": "\0",
};

/** The characters of an escape, and the offset after it. */
export interface Escaped {
  readonly set: CharSet;
  readonly next: number;
}

/**
 * Parses the escape at `at`: a shorthand class, a control, a code point, a Unicode property, or an
 * escaped character.
 *
 * @returns Null for an escape that is not a set of characters (`\b`, `\1`, `\k`).
 */
export function readEscape(source: string, at: number, inClass: boolean): Escaped | null {
  const letter = source[at + 1] ?? "";
  if (Object.hasOwn(SHORTHANDS, letter)) return { set: SHORTHANDS[letter]!, next: at + 2 };
  if (letter === "b" && inClass) return { set: charsOf("\b"), next: at + 2 };
  if (letter === "0" && /[0-9]/.test(source[at + 2] ?? "")) return null;
  if (Object.hasOwn(CONTROLS, letter)) return { set: charsOf(CONTROLS[letter]!), next: at + 2 };
  const rest = source.slice(at, at + 64);
  const numeric = /^\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\})/.exec(rest);
  if (numeric !== null) return codePoint(source, at, numeric);
  const control = /^\\c([a-zA-Z])/.exec(rest);
  if (control !== null) {
    const point = control[1]!.charCodeAt(0) % 32;
    return { set: charSet([[point, point]]), next: at + 3 };
  }
  const property = /^\\[pP]\{[\w=]+\}/.exec(rest);
  if (property !== null) {
    return { set: propertySet(property[0]), next: at + property[0].length };
  }
  if (letter === "" || /[0-9A-Za-z]/.test(letter)) return null;
  const char = String.fromCodePoint(source.codePointAt(at + 1)!);
  return { set: charsOf(char), next: at + 1 + char.length };
}

function codePoint(source: string, at: number, match: RegExpExecArray): Escaped {
  let point = parseInt(match[1] ?? match[2] ?? match[3]!, 16);
  let next = at + match[0].length;
  const low = /^\\u([dD][c-fC-F][0-9a-fA-F]{2})/.exec(source.slice(next, next + 6));
  if (match[2] !== undefined && point >= 0xd800 && point <= 0xdbff && low !== null) {
    point = (point - 0xd800) * 0x400 + (parseInt(low[1]!, 16) - 0xdc00) + 0x10000;
    next += 6;
  }
  return { set: charSet([[point, point]]), next };
}

const properties = new Map<string, CharSet>();

/** The characters of `\p{…}`, from the Unicode tables of the JavaScript engine. */
function propertySet(escape: string): CharSet {
  const known = properties.get(escape);
  if (known !== undefined) return known;
  const matches = new RegExp(`^${escape}$`, "u");
  const ranges: [number, number][] = [];
  for (const [low, high] of ALL) {
    for (let point = low; point <= high; point++) {
      if (!matches.test(String.fromCodePoint(point))) continue;
      const last = ranges.at(-1);
      if (last !== undefined && last[1] === point - 1) last[1] = point;
      else ranges.push([point, point]);
    }
  }
  properties.set(escape, ranges);
  return ranges;
}

/**
 * Parses the class at `at`.
 *
 * @returns Null if it contains an escape that is not a set of characters, or a range between
 * classes.
 */
export function readClass(source: string, at: number): Escaped | null {
  let next = at + 1;
  const negated = source[next] === "^";
  if (negated) next++;
  const parts: CharSet[] = [];
  while (next < source.length && source[next] !== "]") {
    const low = readMember(source, next);
    if (low === null) return null;
    next = low.next;
    if (source[next] !== "-" || source[next + 1] === "]") {
      parts.push(low.set);
      continue;
    }
    const high = readMember(source, next + 1);
    if (high === null) return null;
    next = high.next;
    const from = onlyPoint(low.set);
    const to = onlyPoint(high.set);
    if (from !== null && to !== null) parts.push(charSet([[from, to]]));
    else parts.push(low.set, charsOf("-"), high.set);
  }
  const set = union(...parts);
  return { set: negated ? complement(set) : set, next: next + 1 };
}

function readMember(source: string, at: number): Escaped | null {
  if (source[at] === "\\") return readEscape(source, at, true);
  const point = source.codePointAt(at);
  if (point === undefined) return null;
  return { set: charSet([[point, point]]), next: at + (point > 0xffff ? 2 : 1) };
}
