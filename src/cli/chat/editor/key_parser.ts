import { withoutControls } from "../../output/mod.ts";

/** A key that the editor handles itself, or text for `node:readline`, which also knows the other keys. */
export type Key =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "paste"; readonly text: string }
  | { readonly type: KeyName };

type KeyName = "return" | "newline" | "interrupt" | "end" | "search" | "up" | "down";

const PASTE_START = "\x1b[200~";
const PASTE_END = "\x1b[201~";

/**
 * Sequences of the keys. Alt+Enter is ESC and a carriage return; terminals with the protocols of xterm
 * and kitty have sequences of their own for Enter with a modifier.
 */
const KEYS: readonly (readonly [sequence: RegExp, name: KeyName])[] = [
  // deno-lint-ignore no-control-regex
  [/^(?:\x1b[\r\n]|\x1b\[13;\d+u|\x1b\[27;\d+;13~|\n)/, "newline"],
  [/^\r/, "return"],
  // deno-lint-ignore no-control-regex
  [/^\x03/, "interrupt"],
  // deno-lint-ignore no-control-regex
  [/^\x04/, "end"],
  // deno-lint-ignore no-control-regex
  [/^\x12/, "search"],
  // deno-lint-ignore no-control-regex
  [/^\x1b[[O]A/, "up"],
  // deno-lint-ignore no-control-regex
  [/^\x1b[[O]B/, "down"],
];

/** Text without control characters, the sequence of another key, or one control character. */
// deno-lint-ignore no-control-regex
const TEXT = /^(?:[^\x00-\x1f\x7f]+|\x1b(?:\[[\d;]*[^\d;]|O[^]|[^])?|[^])/;
/** The begin of a sequence whose end has not arrived. ESC alone is a key of its own. */
// deno-lint-ignore no-control-regex
const INCOMPLETE = /^\x1b(?:\[[\d;]*|O)$/;

/** Divides what a terminal sends into keys. */
export class KeyParser {
  #rest = "";
  /** The text of a paste whose end has not arrived. */
  #paste: string | null = null;

  /** The keys in the next piece of input. */
  push(input: string): Key[] {
    const keys: Key[] = [];
    let text = this.#rest + input;
    this.#rest = "";
    while (text !== "") text = this.#take(text, keys);
    return keys;
  }

  /** Takes the first key and returns the rest. */
  #take(text: string, keys: Key[]): string {
    if (this.#paste !== null) return this.#takePaste(this.#paste + text, keys);
    if (text.startsWith(PASTE_START)) {
      this.#paste = "";
      return text.slice(PASTE_START.length);
    }
    for (const [sequence, type] of KEYS) {
      const [found] = sequence.exec(text) ?? [];
      if (found === undefined) continue;
      keys.push({ type });
      return text.slice(found.length);
    }
    if (INCOMPLETE.test(text)) {
      this.#rest = text;
      return "";
    }
    const [taken] = TEXT.exec(text)!;
    keys.push({ type: "text", text: taken });
    return text.slice(taken.length);
  }

  #takePaste(text: string, keys: Key[]): string {
    const end = text.indexOf(PASTE_END);
    if (end === -1) {
      this.#paste = text;
      return "";
    }
    this.#paste = null;
    keys.push({ type: "paste", text: pastedText(text.slice(0, end)) });
    return text.slice(end + PASTE_END.length);
  }
}

/** Pasted text with line feeds, and without control characters. */
function pastedText(text: string): string {
  return withoutControls(text.replace(/\r\n?/g, "\n"));
}
