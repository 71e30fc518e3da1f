/** A parser that waits for more text by yielding; `T` is what it has read when it is done. */
export type Reading<T> = Generator<undefined, T, undefined>;

/**
 * Text that arrives in pieces, read by generators: a parser is written as if the whole text were there,
 * and every read yields until enough of it has come or the text has ended.
 */
export class Reader {
  #buffer = "";
  #ended = false;
  #tape: string | null = null;

  /** Adds text at the end. */
  push(text: string): void {
    this.#buffer += text;
  }

  /** No more text will come. */
  end(): void {
    this.#ended = true;
  }

  /** Records what is read from here on, until {@linkcode stopTape}. */
  startTape(): void {
    this.#tape = "";
  }

  /** What was read since {@linkcode startTape}. */
  stopTape(): string {
    const tape = this.#tape ?? "";
    this.#tape = null;
    return tape;
  }

  /** The next character without reading it; "" at the end of the text. */
  *peek(): Reading<string> {
    while (this.#buffer === "" && !this.#ended) yield;
    return this.#buffer.charAt(0);
  }

  /**
   * Hands text to `emit` as it comes, up to the first of the stops, and reads that stop. Text that may
   * be the beginning of a stop is held back. Null when the text ended first.
   */
  *until(stops: readonly string[], emit: (text: string) => void): Reading<string | null> {
    for (;;) {
      const hit = firstOf(this.#buffer, stops);
      // A stop that began no later than the hit, and may still become whole, comes first.
      const waits = hit !== null && !this.#ended &&
        this.#buffer.length - heldBack(this.#buffer, stops) <= hit.at;
      if (hit !== null && !waits) {
        if (hit.at > 0) emit(this.#take(hit.at));
        this.#take(hit.stop.length);
        return hit.stop;
      }
      const free = this.#buffer.length - (this.#ended ? 0 : heldBack(this.#buffer, stops));
      if (free > 0 && !waits) emit(this.#take(free));
      if (this.#ended) return null;
      yield;
    }
  }

  /** Everything before the stop, which is read too; null for the stop when the text ended first. */
  *textUntil(...stops: readonly string[]): Reading<{ text: string; stop: string | null }> {
    let text = "";
    const stop = yield* this.until(stops, (piece) => text += piece);
    return { text, stop };
  }

  /** Which of the literals comes next; it is read. Null, with nothing read, when none does. */
  *oneOf(...literals: readonly string[]): Reading<string | null> {
    for (;;) {
      const hit = literals.find((literal) => this.#buffer.startsWith(literal));
      const open = literals.some((literal) =>
        literal.length > this.#buffer.length && literal.startsWith(this.#buffer)
      );
      if (hit !== undefined && !(open && !this.#ended)) {
        const longest = literals.filter((literal) => this.#buffer.startsWith(literal))
          .reduce((a, b) => b.length > a.length ? b : a, hit);
        return this.#take(longest.length);
      }
      if (!open || this.#ended) return null;
      yield;
    }
  }

  /** True if the literal comes next; then it is read. */
  *literal(text: string): Reading<boolean> {
    return (yield* this.oneOf(text)) !== null;
  }

  /** Reads white space and returns it. */
  *space(): Reading<string> {
    return yield* this.run(/\s/);
  }

  /** Reads characters as long as each matches. */
  *run(character: RegExp): Reading<string> {
    let text = "";
    for (;;) {
      let length = 0;
      while (length < this.#buffer.length && character.test(this.#buffer[length]!)) length++;
      text += this.#take(length);
      if (this.#buffer !== "" || this.#ended) return text;
      yield;
    }
  }

  /**
   * Reads one JSON value and hands its text to `emit` as it comes. True if it was complete.
   * What is not JSON at all is read up to the next comma or closing bracket.
   */
  *json(emit: (text: string) => void): Reading<boolean> {
    const scan = new JsonScan();
    for (;;) {
      const length = scan.scan(this.#buffer);
      if (length > 0) emit(this.#take(length));
      if (scan.done) return true;
      if (this.#ended) return scan.scalar;
      yield;
    }
  }

  /** Reads one JSON value; null when it is not complete or not JSON. */
  *jsonValue(): Reading<{ value: unknown; text: string } | null> {
    let text = "";
    yield* this.json((piece) => text += piece);
    try {
      return { value: JSON.parse(text), text };
    } catch {
      return null;
    }
  }

  /** Everything that is left, as it comes. */
  *rest(emit: (text: string) => void): Reading<void> {
    yield* this.until([], emit);
  }

  #take(length: number): string {
    const text = this.#buffer.slice(0, length);
    this.#buffer = this.#buffer.slice(length);
    if (this.#tape !== null) this.#tape += text;
    return text;
  }
}

/** Finds the end of a JSON value in text that comes in pieces. */
class JsonScan {
  done = false;
  /** True while the value is a bare word or a number, which ends where the text does. */
  scalar = false;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #started = false;

  /** How many characters of the piece belong to the value. */
  scan(piece: string): number {
    for (let index = 0; index < piece.length; index++) {
      const character = piece[index]!;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (character === "\\") this.#escaped = true;
        else if (character === '"') {
          this.#inString = false;
          if (this.#depth === 0) return this.#finish(index + 1);
        }
        continue;
      }
      if (this.scalar && /[\s,\]}<]/.test(character)) return this.#finish(index);
      if (character === '"') this.#inString = true;
      else if (character === "{" || character === "[") this.#depth++;
      else if (character === "}" || character === "]") {
        if (this.#depth === 0) return this.#finish(index);
        if (--this.#depth === 0) return this.#finish(index + 1);
      } else if (!this.#started && !/\s/.test(character)) this.scalar = true;
      if (!/\s/.test(character)) this.#started = true;
    }
    return piece.length;
  }

  #finish(length: number): number {
    this.done = true;
    return length;
  }
}

function firstOf(text: string, stops: readonly string[]): { at: number; stop: string } | null {
  let first: { at: number; stop: string } | null = null;
  for (const stop of stops) {
    const at = text.indexOf(stop);
    if (at < 0) continue;
    if (first === null || at < first.at || (at === first.at && stop.length > first.stop.length)) {
      first = { at, stop };
    }
  }
  return first;
}

/** How many characters at the end may become the beginning of a stop. */
export function heldBack(text: string, stops: readonly string[]): number {
  let held = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > held; length--) {
      if (text.endsWith(stop.slice(0, length))) held = length;
    }
  }
  return held;
}
