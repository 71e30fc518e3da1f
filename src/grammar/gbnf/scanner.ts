import { ShimmyError } from "../../errors.ts";

/** Characters of rules' names. */
const WORD = /[a-zA-Z0-9-]/;
const DIGIT = /[0-9]/;
/** What may stand behind a backslash for itself. */
const ESCAPED = new Set(["\\", '"', "[", "]", "-"]);
const CONTROLS: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };
/** Hexadecimal digits behind the letters of code points. */
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
/** The library reads whole numbers of 64 bits. */
const LARGEST = 2n ** 64n - 1n;

/** What went wrong with a grammar, for whoever wrote it. */
export function grammarError(what: string, cause?: unknown): ShimmyError {
  return new ShimmyError("invalid", `grammar: ${what}`, { field: "grammar", cause });
}

/** Reads the smallest parts of GBNF, as `llama-grammar.cpp` reads them. */
export class Scanner {
  readonly source: string;
  at = 0;

  constructor(source: string) {
    // To the library the text ends where its first zero is.
    const end = source.indexOf("\0");
    this.source = end < 0 ? source : source.slice(0, end);
  }

  get isDone(): boolean {
    return this.at >= this.source.length;
  }

  /** The next unit of the text; "" at its end. */
  get next(): string {
    return this.source.charAt(this.at);
  }

  /** An error at a place in the text. Lines and columns begin with 1. */
  error(what: string, at = this.at): ShimmyError {
    const before = this.source.slice(0, at).split("\n");
    const column = [...before.at(-1)!].length + 1;
    return grammarError(`line ${before.length}, column ${column}: ${what}`);
  }

  /** An error about what stands where something else should. */
  expected(what: string): ShimmyError {
    const point = this.source.codePointAt(this.at);
    const found = point === undefined
      ? "the grammar ends"
      : this.next === "\n" || this.next === "\r"
      ? "the line ends"
      : `there is ${JSON.stringify(String.fromCodePoint(point))}`;
    return this.error(`expected ${what}, but ${found}`);
  }

  /** True if the text comes next; then it is read. */
  take(text: string): boolean {
    if (!this.source.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  /** Skips blanks and comments, and ends of lines where they mean nothing. */
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

  /** The name of a rule. */
  name(what: string): string {
    const start = this.at;
    while (this.isAtName) this.at++;
    if (this.at === start) throw this.expected(`${what} (letters, digits and "-")`);
    return this.source.slice(start, this.at);
  }

  get isAtInteger(): boolean {
    return DIGIT.test(this.next);
  }

  /** A whole number; those the library cannot hold are refused as it does. */
  integer(): number {
    const start = this.at;
    while (this.isAtInteger) this.at++;
    if (this.at === start) throw this.expected("a whole number");
    const digits = this.source.slice(start, this.at).replace(/^0+(?=.)/, "");
    if (digits.length > 20 || BigInt(digits) > LARGEST) {
      throw this.error("the number is too large", start);
    }
    // The largest one stands for no limit at all.
    return BigInt(digits) === LARGEST ? Infinity : Number(digits);
  }

  /** One character of a literal or a class, which may be escaped. */
  character(): void {
    if (!this.take("\\")) {
      this.at += this.source.codePointAt(this.at)! > 0xffff ? 2 : 1;
      return;
    }
    const start = this.at - 1;
    const letter = this.next;
    this.at++;
    const digits = HEX_DIGITS[letter];
    if (digits === undefined) {
      if (letter in CONTROLS || ESCAPED.has(letter)) return;
      throw this.error(
        `unknown escape ${JSON.stringify(`\\${letter}`).replace("\\\\", "\\")}; known are ` +
          String.raw`\n \r \t \\ \" \[ \] \- \xNN \uNNNN \UNNNNNNNN`,
        start,
      );
    }
    const hex = this.source.slice(this.at, this.at + digits);
    if (!/^[0-9a-fA-F]*$/.test(hex) || hex.length < digits) {
      throw this.error(`expected ${digits} hexadecimal digits behind \\${letter}`, start);
    }
    this.at += digits;
  }
}
