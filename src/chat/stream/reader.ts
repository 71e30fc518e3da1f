/** A parser that yields to wait for more text and returns `T`. */
export type IncrementalParser<T> = Generator<undefined, T, undefined>;

/** An end that the model did not choose: the token limit, a stop string or a cancellation. */
export interface Cut {
  /** The stop string that followed the text; null if the following text is unknown. */
  readonly following: string | null;
}

/**
 * A reader of text that arrives in pieces. Parsers are generators, written as if the whole text
 * were available: every read yields until enough text has arrived or the text has ended.
 */
export class Reader {
  #buffer = "";
  #ended = false;
  #cut: Cut | null = null;
  #cutsMark = false;
  #recording: string | null = null;

  /** Appends text. */
  push(text: string): void {
    this.#buffer += text;
  }

  /** Ends the text. `cut` is null if the model ended it. */
  end(cut: Cut | null = null): void {
    this.#ended = true;
    this.#cut = cut;
  }

  /** True if the text has been read to its end, and the model did not end it. */
  get isCut(): boolean {
    return this.#ended && this.#cut !== null && this.#buffer === "";
  }

  /** Starts recording the text that is read, until {@linkcode stopRecording}. */
  startRecording(): void {
    this.#recording = "";
  }

  /** Stops recording. Returns the text since {@linkcode startRecording}. */
  stopRecording(): string {
    const recording = this.#recording ?? "";
    this.#recording = null;
    return recording;
  }

  /** The next character without consuming it; "" at the end. */
  *peek(): IncrementalParser<string> {
    while (this.#buffer === "" && !this.#ended) yield;
    return this.#buffer.charAt(0);
  }

  /** True if the text was cut inside a mark, which was dropped. */
  get cutsMark(): boolean {
    return this.#cutsMark;
  }

  /**
   * Passes text to `emit` up to the first stop and consumes the stop. Text that may be the start of
   * a stop is held back, and dropped if the text was cut there. Returns null if the text ended
   * first.
   */
  *until(stops: readonly string[], emit: (text: string) => void): IncrementalParser<string | null> {
    for (;;) {
      const hit = firstOf(this.#buffer, stops);
      const free = this.#buffer.length - this.#heldLength(stops);
      // A possible stop that starts no later than the match, but is still incomplete, takes
      // precedence.
      const waits = hit !== null && free <= hit.at;
      if (hit !== null && !waits) {
        if (hit.at > 0) emit(this.#take(hit.at));
        this.#take(hit.stop.length);
        return hit.stop;
      }
      if (free > 0) emit(this.#take(free));
      if (this.#ended) {
        this.#dropRest();
        return null;
      }
      yield;
    }
  }

  /**
   * Reads the text before a stop and consumes the stop. The stop is null if the text ended first.
   */
  *textUntil(
    ...stops: readonly string[]
  ): IncrementalParser<{ text: string; stop: string | null }> {
    let text = "";
    const stop = yield* this.until(stops, (piece) => text += piece);
    return { text, stop };
  }

  /**
   * Consumes the longest literal that comes next. Returns null if there is none. A literal that was
   * cut is consumed too, so that its start does not become text.
   */
  *oneOf(...literals: readonly string[]): IncrementalParser<string | null> {
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
      if (!open || this.#ended) {
        if (this.#ended && this.#heldLength(literals) === this.#buffer.length) this.#dropRest();
        return null;
      }
      yield;
    }
  }

  /** Consumes the literal if it comes next. True if it did. */
  *literal(text: string): IncrementalParser<boolean> {
    return (yield* this.oneOf(text)) !== null;
  }

  /** Reads white space. */
  *space(): IncrementalParser<string> {
    return yield* this.run(/\s/);
  }

  /** Reads characters while they match. */
  *run(character: RegExp): IncrementalParser<string> {
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
   * Reads one JSON value and passes its text to `emit` as it arrives. True if it was complete. Text
   * that is not JSON is read up to the next comma or closing bracket.
   */
  *json(emit: (text: string) => void): IncrementalParser<boolean> {
    const scan = new JsonScan();
    for (;;) {
      const length = scan.scan(this.#buffer);
      if (length > 0) emit(this.#take(length));
      if (scan.done) return true;
      if (this.#ended) return scan.scalar && this.#cut === null;
      yield;
    }
  }

  /** Reads one JSON value. Returns null if it is incomplete or not JSON. */
  *jsonValue(): IncrementalParser<{ value: unknown; text: string } | null> {
    let text = "";
    yield* this.json((piece) => text += piece);
    try {
      return { value: JSON.parse(text), text };
    } catch {
      return null;
    }
  }

  /** Passes the remaining text to `emit` as it arrives. */
  *rest(emit: (text: string) => void): IncrementalParser<void> {
    yield* this.until([], emit);
  }

  #dropRest(): void {
    this.#cutsMark ||= this.#buffer !== "";
    this.#take(this.#buffer.length);
  }

  /** Length of the text that may be the start of a stop. */
  #heldLength(stops: readonly string[]): number {
    if (!this.#ended) return partialStopLength(this.#buffer, stops);
    if (this.#cut === null) return 0;
    const { following } = this.#cut;
    if (following === null) return partialStopLength(this.#buffer, stops);
    const continued = partialStopLength(this.#buffer + following, stops) - following.length;
    const completed = stops.map((stop) => startedLength(this.#buffer, stop, following));
    return Math.max(0, continued, ...completed);
  }

  #take(length: number): string {
    const text = this.#buffer.slice(0, length);
    this.#buffer = this.#buffer.slice(length);
    if (this.#recording !== null) this.#recording += text;
    return text;
  }
}

/** Finds the end of a JSON value in pieces of text. */
class JsonScan {
  done = false;
  /** True if the value is a word or number, which may end with the text. */
  scalar = false;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #started = false;

  /** Number of characters of the piece that belong to the value. */
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

/** Length of the suffix that is the start of a stop, if `following` contains the stop's end. */
function startedLength(text: string, stop: string, following: string): number {
  for (let length = Math.min(stop.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length)) && following.startsWith(stop.slice(length))) {
      return length;
    }
  }
  return 0;
}

/** Length of the longest suffix that may be the start of a stop. */
export function partialStopLength(text: string, stops: readonly string[]): number {
  let held = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > held; length--) {
      if (text.endsWith(stop.slice(0, length))) held = length;
    }
  }
  return held;
}
