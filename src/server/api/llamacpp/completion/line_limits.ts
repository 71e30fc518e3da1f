/** Ends answers that complete code: at a line with less indentation, or after a time. */
export class LineLimits {
  readonly #indentation: number;
  readonly #maxMs: number;
  #text = "";
  /** Start of the last line whose indentation was checked. */
  #line = 0;
  #hasNewLine = false;
  #firstToken: number | null = null;

  /**
   * @param indentation minimum white space of each line after the first; 0: any.
   * @param maxMs milliseconds after the first token after which the answer ends at a line break; 0: any.
   */
  constructor(indentation: number, maxMs: number) {
    this.#indentation = indentation;
    this.#maxMs = maxMs;
  }

  /** The text of the answer. A stream may have sent the white space of a line that was cut. */
  get text(): string {
    return this.#text;
  }

  /** Whether the text has a line break. */
  get hasNewLine(): boolean {
    return this.#hasNewLine;
  }

  /**
   * Adds a piece of text.
   * @returns the part of it that belongs to the answer, and whether the answer ends with it.
   */
  push(piece: string, now: number): { readonly text: string; readonly ends: boolean } {
    this.#firstToken ??= now;
    const before = this.#text.length;
    this.#text += piece;
    const breaks = piece.includes("\n");
    if (breaks) this.#hasNewLine = true;
    const end = this.#indentation > 0 ? this.#shallowLine() : null;
    if (end !== null) {
      this.#text = this.#text.slice(0, end);
      return { text: this.#text.slice(before), ends: true };
    }
    const isLate = this.#maxMs > 0 && breaks && now - this.#firstToken > this.#maxMs;
    return { text: piece, ends: isLate };
  }

  /** The end of the text before the first line with too little indentation, or null. */
  #shallowLine(): number | null {
    while (true) {
      const at = this.#text.indexOf("\n", this.#line);
      if (at < 0) return null;
      const rest = this.#text.slice(at + 1);
      const white = /^[ \t]*/.exec(rest)![0].length;
      // The indentation is not complete yet.
      if (white === rest.length) return null;
      if (white < this.#indentation) return at;
      this.#line = at + 1;
    }
  }
}
