/** Bytes of a line, at most: a number, a length or an error. */
const MOST_LINE = 16 * 1024;
/** Bytes of a text, at most. A stored response has less than 8 MiB. */
const MOST_TEXT = 64 * 2 ** 20;
/** Items of a list or a map, at most, and lists inside of each other. The answer to `HELLO` has some. */
const MOST_ITEMS = 4096;
const MOST_DEPTH = 8;

const NEWLINE = 0x0a;

/** What the first byte of a line says about the bytes after it. */
const LINES = "+-:,(#_";
const TEXTS = "$!=";
const LISTS = "*~%";

/**
 * Checks what a store sends, before its client reads it: the client keeps texts of any length, reads lists of any
 * depth, and ends the program after some answers that it did not ask for.
 *
 * Source: RESP3, https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md
 */
export class ReplyGuard {
  /** Bytes of a text that are still to come, with its line end. */
  #textLeft = 0;
  /** The line that is not complete. */
  #line = "";
  /** Values that the lists around the next value still need. */
  readonly #open: number[] = [];
  #replies = 0;

  /**
   * Reads the next bytes.
   * @returns the number of replies that end in them; null if they are not allowed.
   */
  read(bytes: Uint8Array): number | null {
    this.#replies = 0;
    for (let at = 0; at < bytes.length;) {
      if (this.#textLeft > 0) {
        const count = Math.min(this.#textLeft, bytes.length - at);
        at += count;
        this.#textLeft -= count;
        if (this.#textLeft === 0) this.#endValue();
        continue;
      }
      const newline = bytes.indexOf(NEWLINE, at);
      const end = newline < 0 ? bytes.length : newline;
      if (this.#line.length + end - at > MOST_LINE) return null;
      this.#line += String.fromCharCode(...bytes.subarray(at, end));
      at = end + 1;
      if (newline >= 0 && !this.#endLine()) return null;
    }
    return this.#replies;
  }

  /** @returns false for a line that is not allowed. */
  #endLine(): boolean {
    const [type, rest] = [this.#line.slice(0, 1), this.#line.slice(1, -1)];
    const isComplete = this.#line.endsWith("\r");
    this.#line = "";
    if (!isComplete) return false;
    if (LINES.includes(type)) return this.#endValue();
    const isList = LISTS.includes(type);
    if (!isList && !TEXTS.includes(type)) return false;
    // What does not exist has this length in the older version of the protocol.
    if (rest === "-1" && (type === "$" || type === "*")) return this.#endValue();
    if (!/^\d{1,9}$/.test(rest)) return false;
    return isList ? this.#beginList(Number(rest) * (type === "%" ? 2 : 1)) : this.#beginText(rest);
  }

  #beginText(length: string): boolean {
    this.#textLeft = Number(length) + 2;
    return this.#textLeft <= MOST_TEXT;
  }

  #beginList(items: number): boolean {
    if (items === 0) return this.#endValue();
    this.#open.push(items);
    return items <= MOST_ITEMS && this.#open.length <= MOST_DEPTH;
  }

  /** A value is complete, and with the last one of a list, the list. */
  #endValue(): true {
    while (this.#open.length > 0) {
      const left = this.#open.pop()! - 1;
      if (left > 0) {
        this.#open.push(left);
        return true;
      }
    }
    this.#replies++;
    return true;
  }
}
