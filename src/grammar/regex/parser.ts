import {
  alt,
  chars,
  charSet,
  EMPTY,
  MAX_PATTERN_DEPTH,
  MAX_PATTERN_LENGTH,
  type Pattern,
  repeat,
  seq,
} from "../expression/mod.ts";
import { DOT, readClass, readEscape } from "./character_class.ts";

/** A regular expression is malformed or unsupported. The message says why. */
export class PatternError extends Error {}

/**
 * Parses an ECMA-262 regular expression.
 *
 * Lazy quantifiers are treated as greedy, because both match the same texts. Lookaround,
 * backreferences and word boundaries are not supported.
 *
 * @throws {PatternError}
 */
export function parsePattern(source: string): Pattern {
  if (source.length > MAX_PATTERN_LENGTH) {
    throw new PatternError(`it is longer than ${MAX_PATTERN_LENGTH} characters`);
  }
  checkSyntax(source);
  return new Reader(source).read();
}

/**
 * JSON Schema specifies the `u` flag. Patterns that are only valid without it are accepted too.
 */
function checkSyntax(source: string): void {
  for (const flags of ["u", ""]) {
    try {
      new RegExp(source, flags);
      return;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  throw new PatternError("it is not a regular expression");
}

class Reader {
  #at = 0;
  #depth = 0;

  constructor(readonly source: string) {}

  read(): Pattern {
    const pattern = this.#alternatives();
    if (this.#at < this.source.length) throw new PatternError(`unmatched ')' at ${this.#at}`);
    return pattern;
  }

  #alternatives(): Pattern {
    const items = [this.#sequence()];
    while (this.source[this.#at] === "|") {
      this.#at++;
      items.push(this.#sequence());
    }
    return alt(...items);
  }

  #sequence(): Pattern {
    const items: Pattern[] = [];
    while (this.#at < this.source.length && !"|)".includes(this.source[this.#at]!)) {
      items.push(this.#quantified(this.#atom()));
    }
    return items.length === 0 ? EMPTY : seq(...items);
  }

  #atom(): Pattern {
    const char = this.source[this.#at]!;
    switch (char) {
      case "^":
      case "$":
        this.#at++;
        return { kind: "assert", at: char === "^" ? "start" : "end" };
      case "(":
        return this.#group();
      case ".":
        this.#at++;
        return chars(DOT);
      case "[":
      case "\\": {
        const read = char === "["
          ? readClass(this.source, this.#at)
          : readEscape(this.source, this.#at, false);
        if (read === null) throw this.#unsupportedEscape();
        this.#at = read.next;
        return chars(read.set);
      }
    }
    const point = this.source.codePointAt(this.#at)!;
    this.#at += point > 0xffff ? 2 : 1;
    return chars(charSet([[point, point]]));
  }

  #group(): Pattern {
    const opening = /^\((?:\?(?:(:)|(<[^=!>][^>]*>)|.))?/s.exec(this.source.slice(this.#at))!;
    if (opening[0].startsWith("(?") && opening[1] === undefined && opening[2] === undefined) {
      throw new PatternError("lookahead, lookbehind and inline flags are not supported");
    }
    if (++this.#depth > MAX_PATTERN_DEPTH) {
      throw new PatternError(`its groups nest deeper than ${MAX_PATTERN_DEPTH}`);
    }
    this.#at += opening[0].length;
    const inner = this.#alternatives();
    this.#at++;
    this.#depth--;
    return inner;
  }

  #quantified(item: Pattern): Pattern {
    const match = /^(?:([*+?])|\{(\d+)(?:(,)(\d+)?)?\})\??/.exec(
      this.source.slice(this.#at, this.#at + 64),
    );
    if (match === null) return item;
    this.#at += match[0].length;
    if (match[1] !== undefined) {
      return repeat(item, match[1] === "+" ? 1 : 0, match[1] === "?" ? 1 : Infinity);
    }
    const min = Number(match[2]);
    const max = match[4] !== undefined ? Number(match[4]) : match[3] === undefined ? min : Infinity;
    return repeat(item, min, max);
  }

  #unsupportedEscape(): PatternError {
    const escape = /\\(?:k<[^>]*>|\d+|.)?/s.exec(this.source.slice(this.#at))?.[0] ?? "\\";
    return new PatternError(`the escape ${escape} is not supported`);
  }
}
