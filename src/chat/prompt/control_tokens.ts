import type { ModelInfo, PromptPart } from "../../engine/protocol/mod.ts";

/**
 * Finds the control tokens of a vocabulary in text.
 *
 * Client text must never be parsed as a control token. Before rendering, a character that occurs
 * nowhere else is inserted into each look-alike, which is then no control token. After rendering,
 * this mark distinguishes client text from template text.
 */
export class ControlTokens {
  readonly #tokens: ReadonlySet<string>;
  /** Token lengths in descending order, so that the longest token matches, as in the tokenizer. */
  readonly #lengths: readonly number[];
  readonly #firsts: RegExp | null;

  constructor(tokens: readonly string[]) {
    const texts = tokens.filter((token) => token !== "");
    this.#tokens = new Set(texts);
    this.#lengths = [...new Set(texts.map((token) => token.length))].sort((a, b) => b - a);
    const firsts = [...new Set(texts.map((token) => token.charCodeAt(0)))]
      .map((code) => `\\u${code.toString(16).padStart(4, "0")}`);
    this.#firsts = firsts.length === 0 ? null : new RegExp(`[${firsts.join("")}]`, "g");
  }

  /** True if the text is a control token. */
  has(text: string): boolean {
    return this.#tokens.has(text);
  }

  /** True if the text contains a control token. */
  occursIn(text: string): boolean {
    return this.#next(text, 0) !== null;
  }

  /** The control tokens in the text, in order. */
  allIn(text: string): string[] {
    const found: string[] = [];
    for (let at = this.#next(text, 0); at !== null; at = this.#next(text, at.end)) {
      found.push(text.slice(at.start, at.end));
    }
    return found;
  }

  /** Inserts `mark` into each look-alike (after it, if it is one character long). */
  escape(text: string, mark: string): string {
    let escaped = "";
    let copied = 0;
    for (let at = this.#next(text, 0); at !== null; at = this.#next(text, at.start + 1)) {
      const cut = at.start + (text.codePointAt(at.start)! > 0xffff ? 2 : 1);
      escaped += text.slice(copied, cut) + mark;
      copied = cut;
    }
    return escaped + text.slice(copied);
  }

  /**
   * Splits a rendered prompt into parts. A span with a mark between two of the template's control
   * tokens becomes one plain part, so that its words are tokenized as in a text without control
   * tokens. All other text may contain control tokens.
   */
  split(text: string, mark: string): PromptPart[] {
    // Templates with ASCII-only JSON escape the mark.
    const rendered = text.replaceAll(`\\u${mark.charCodeAt(0).toString(16)}`, mark);
    const parts: { text: string; special: boolean }[] = [];
    const push = (text: string, special: boolean) => {
      if (text === "") return;
      const last = parts.at(-1);
      if (last !== undefined && last.special && special) last.text += text;
      else parts.push({ text, special });
    };
    const pushSpan = (span: string) =>
      span.includes(mark) ? push(span.replaceAll(mark, ""), false) : push(span, true);
    let from = 0;
    for (
      let at = this.#next(rendered, 0, mark);
      at !== null;
      at = this.#next(rendered, at.end, mark)
    ) {
      pushSpan(rendered.slice(from, at.start));
      push(rendered.slice(at.start, at.end), true);
      from = at.end;
    }
    pushSpan(rendered.slice(from));
    return parts;
  }

  /** The first control token at or after `from` that is not followed by `mark`. */
  #next(text: string, from: number, mark?: string): { start: number; end: number } | null {
    if (this.#firsts === null) return null;
    this.#firsts.lastIndex = from;
    for (let hit = this.#firsts.exec(text); hit !== null; hit = this.#firsts.exec(text)) {
      const start = hit.index;
      for (const length of this.#lengths) {
        const end = start + length;
        if (end > text.length || !this.#tokens.has(text.slice(start, end))) continue;
        if (mark === undefined || !text.startsWith(mark, end)) return { start, end };
      }
    }
    return null;
  }
}

const cache = new WeakMap<ModelInfo, ControlTokens>();

/** The control tokens of a model, cached per model. */
export function controlTokensOf(info: ModelInfo): ControlTokens {
  let tokens = cache.get(info);
  if (tokens === undefined) cache.set(info, tokens = new ControlTokens(info.controlTokens));
  return tokens;
}

/** A private-use character that occurs in none of the texts. */
export function unusedCharacter(texts: readonly string[]): string {
  for (let code = 0xe000; code <= 0xf8ff; code++) {
    const mark = String.fromCharCode(code);
    if (!texts.some((text) => text.includes(mark))) return mark;
  }
  throw new RangeError("Cannot mark control tokens: the text uses every private-use character");
}
