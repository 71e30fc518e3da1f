import { ShimmyError } from "../../errors.ts";

/** Characters of rule names. */
const WORD = /[a-zA-Z0-9-]/;
const DIGIT = /[0-9]/;
/** Characters that stand for themselves after a backslash. */
const ESCAPED = new Set(["\\", '"', "[", "]", "-"]);
const CONTROLS: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };
/** Number of hexadecimal digits after each code point escape. */
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
/** llama.cpp parses 64-bit integers. */
const LARGEST = 2n ** 64n - 1n;

/** An error in a grammar. */
export function grammarError(what: string, cause?: unknown): ShimmyError {
  return new ShimmyError("invalid", `grammar: ${what}`, { field: "grammar", cause });
}

/** Scans GBNF characters as `llama-grammar.cpp` does. */
export class Scanner {
  readonly source: string;
  at = 0;

  constructor(source: string) {
    // llama.cpp reads up to the first zero byte.
    const end = source.indexOf("\0");
    this.source = end < 0 ? source : source.slice(0, end);
  }

  get isDone(): boolean {
    return this.at >= this.source.length;
  }

  /** The next UTF-16 code unit; "" at the end. */
  get next(): string {
    return this.source.charAt(this.at);
  }

  /** An error at an offset. Lines and columns start at 1. */
  error(what: string, at = this.at): ShimmyError {
    const before = this.source.slice(0, at).split("\n");
    const column = [...before.at(-1)!].length + 1;
    return grammarError(`line ${before.length}, column ${column}: ${what}`);
  }

  /** An error for unexpected input. */
  expected(what: string): ShimmyError {
    const point = this.source.codePointAt(this.at);
    const found = point === undefined
      ? "the end of the grammar"
      : this.next === "\n" || this.next === "\r"
      ? "the end of the line"
      : JSON.stringify(String.fromCodePoint(point));
    return this.error(`expected ${what}, but found ${found}`);
  }

  /** Consumes the text if it comes next. True if it did. */
  take(text: string): boolean {
    if (!this.source.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  /** Skips blanks and comments, and line ends if `overLines` is set. */
  space(overLines: boolean): void {
    while (!this.isDone) {
      const { next } = this;
      if (next === "#") {
        while (!this.isDone && this.next !== "\n" && this.next !== "\r") this.at++;
      } else if (next === " " || next === "\t" || (overLines && (next === "\n" || next === "\r"))) {
        this.at++;
      } else return;
    }
  }

  get isAtName(): boolean {
    return WORD.test(this.next);
  }

  /** Scans a rule name. */
  name(what: string): string {
    const start = this.at;
    while (this.isAtName) this.at++;
    if (this.at === start) throw this.expected(`${what} (letters, digits and "-")`);
    return this.source.slice(start, this.at);
  }

  get isAtInteger(): boolean {
    return DIGIT.test(this.next);
  }

  /** Scans an integer. Integers that llama.cpp cannot represent are refused. */
  integer(): number {
    const start = this.at;
    while (this.isAtInteger) this.at++;
    if (this.at === start) throw this.expected("an integer");
    const digits = this.source.slice(start, this.at).replace(/^0+(?=.)/, "");
    if (digits.length > 20 || BigInt(digits) > LARGEST) {
      throw this.error("the number is too large", start);
    }
    // The largest integer means no limit.
    return BigInt(digits) === LARGEST ? Infinity : Number(digits);
  }

  /** Scans a character of a literal or class, which may be escaped. Returns its code point. */
  character(): number {
    if (!this.take("\\")) {
      const point = this.source.codePointAt(this.at)!;
      this.at += point > 0xffff ? 2 : 1;
      return point;
    }
    const start = this.at - 1;
    const letter = this.next;
    this.at++;
    const digits = HEX_DIGITS[letter];
    if (digits === undefined) {
      if (letter in CONTROLS || ESCAPED.has(letter)) {
        return (CONTROLS[letter] ?? letter).codePointAt(0)!;
      }
      throw this.error(
        `unknown escape ${JSON.stringify(`\\${letter}`).replace("\\\\", "\\")}; known are ` +
          String.raw`\n \r \t \\ \" \[ \] \- \xNN \uNNNN \UNNNNNNNN`,
        start,
      );
    }
    const hex = this.source.slice(this.at, this.at + digits);
    if (!/^[0-9a-fA-F]*$/.test(hex) || hex.length < digits) {
      throw this.error(`expected ${digits} hexadecimal digits after \\${letter}`, start);
    }
    this.at += digits;
    return parseInt(hex, 16);
  }
}
