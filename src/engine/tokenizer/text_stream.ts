/** Finds stop strings in streamed text. Holds back only text that could become a stop string. */
export class StopMatcher {
  readonly #stops: readonly string[];
  #held = "";

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop.length > 0);
  }

  /**
   * Adds text.
   * @returns text that can be shown, and the stop string if one was found.
   */
  push(piece: string): { text: string; stop: string | null } {
    if (this.#stops.length === 0) return { text: piece, stop: null };
    const text = this.#held + piece;
    const found = this.#earliest(text);
    if (found !== null) {
      this.#held = "";
      return { text: text.slice(0, found.index), stop: found.stop };
    }
    const held = this.#partial(text);
    this.#held = text.slice(text.length - held);
    return { text: text.slice(0, text.length - held), stop: null };
  }

  /** Returns the text still held back. Call at the end of the text. */
  flush(): string {
    const text = this.#held;
    this.#held = "";
    return text;
  }

  #earliest(text: string): { index: number; stop: string } | null {
    let best: { index: number; stop: string } | null = null;
    for (const stop of this.#stops) {
      const index = text.indexOf(stop);
      if (index >= 0 && (best === null || index < best.index)) best = { index, stop };
    }
    return best;
  }

  /** Length of the longest suffix of `text` that is a prefix of a stop string. */
  #partial(text: string): number {
    let longest = 0;
    for (const stop of this.#stops) {
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
        if (text.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  }
}

/**
 * Decodes token bytes to text. Holds back incomplete UTF-8 characters until their remaining bytes
 * arrive.
 */
export class Utf8Stream {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #open = false;

  /** `whole` is the text of the bytes if they are complete characters, else null. */
  push(bytes: Uint8Array, whole: string | null): string {
    // Nearly every token consists of complete characters and needs no decoder.
    if (whole !== null && !this.#open) return whole;
    const text = this.#decoder.decode(bytes, { stream: true });
    this.#open = text.length === 0 || endsOpen(bytes);
    return text;
  }

  /** Returns U+FFFD for an incomplete character at the end, else an empty text. */
  flush(): string {
    this.#open = false;
    return this.#decoder.decode();
  }
}

/** Whether bytes end inside a UTF-8 character (RFC 3629, section 3). */
function endsOpen(bytes: Uint8Array): boolean {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back;
  }
  return true;
}
