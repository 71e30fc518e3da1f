import { displayWidth } from "../../output/mod.ts";

/** An attribute sequence, a space, a line feed, a wide character, or other characters of a word. */
// deno-lint-ignore no-control-regex
const PIECES = /\x1b\[[\d;]*m|\n| +|[^\x1b\n ]/gu;

/** Breaks a stream of text between words, so that no word is divided at the edge of the terminal. */
export class WordWrap {
  readonly #columns: number;
  #column = 0;
  /** Spaces before the word, and the word whose end has not arrived. */
  #spaces = "";
  #word = "";
  #width = 0;

  /** @param columns Columns of the terminal; `Infinity`: lines are not broken. */
  constructor(columns: number) {
    this.#columns = columns;
  }

  /** The text up to the last complete word. */
  push(text: string): string {
    if (this.#columns === Infinity) return text;
    let out = "";
    for (const [piece] of text.matchAll(PIECES)) {
      if (piece.startsWith("\x1b")) this.#word += piece;
      else if (piece === "\n") {
        out += `${this.end()}\n`;
        this.#column = 0;
      } else if (piece.startsWith(" ")) {
        out += this.#flush();
        this.#spaces += piece;
      } else {
        const width = displayWidth(piece);
        // Scripts with wide characters have no spaces between words.
        if (width > 1) out += this.#flush();
        this.#word += piece;
        this.#width += width;
        if (width > 1 || this.#width >= this.#columns) out += this.#flush();
      }
    }
    return out;
  }

  /** Text that is not broken, such as a line of code. It ends at the end of a line. */
  fixed(text: string): string {
    const out = this.end() + text;
    this.#column = 0;
    return out;
  }

  /** The text that was held back. */
  end(): string {
    const out = this.#flush();
    const spaces = this.#spaces;
    this.#spaces = "";
    this.#column += spaces.length;
    return out + spaces;
  }

  #flush(): string {
    if (this.#word === "") return "";
    const isBroken = this.#width > 0 && this.#column > 0 &&
      this.#column + this.#spaces.length + this.#width > this.#columns;
    const before = isBroken ? "\n" : this.#spaces;
    this.#column = (isBroken ? 0 : this.#column + this.#spaces.length) + this.#width;
    const out = before + this.#word;
    this.#spaces = "";
    this.#word = "";
    this.#width = 0;
    return out;
  }
}
