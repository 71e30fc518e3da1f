import { type Style, styled, type Styles } from "./styles.ts";

/** Characters of a link that are held until its end arrives. */
const LONGEST_LINK = 500;
/** A character that may begin markup. */
const MARK = /[\\`*_~[]/;

/** Marks emphasis, code and links in the text of one line, as it streams. */
export class InlineMarkdown {
  readonly #styles: Styles;
  #held = "";
  #before = " ";
  /** Marks of open emphasis, the innermost last. */
  readonly #open: { readonly mark: string; readonly style: Style }[] = [];
  /** The backquotes that began a code span. */
  #code: string | null = null;

  constructor(styles: Styles) {
    this.#styles = styles;
  }

  /** The text with its markup, up to a mark whose meaning is not known yet. */
  push(text: string): string {
    this.#held += text;
    let out = "";
    for (;;) {
      const piece = this.#next(false);
      if (piece === null) return out;
      out += piece;
    }
  }

  /** The rest of the line, with all styles ended. */
  end(): string {
    let out = "";
    for (let piece = this.#next(true); piece !== null; piece = this.#next(true)) out += piece;
    if (this.#code !== null) out += this.#styles.code.off;
    for (const { style } of this.#open.splice(0).reverse()) out += style.off;
    this.#code = null;
    this.#before = " ";
    return out;
  }

  /** The next piece; null: more text is needed. */
  #next(isLast: boolean): string | null {
    const held = this.#held;
    if (held === "") return null;
    const at = this.#code === null ? held.search(MARK) : held.indexOf("`");
    if (at === -1) return this.#take(held.length);
    if (at > 0) return this.#take(at);
    if (held[0] === "\\") return this.#escape(isLast);
    if (held[0] === "[") return this.#link(isLast);
    const [run] = /^(`+|\*+|_+|~+)/.exec(held)!;
    if (run.length === held.length && !isLast) return null;
    return run[0] === "`" ? this.#span(run) : this.#emphasis(run);
  }

  /** Takes characters as they are. */
  #take(count: number): string {
    const text = this.#held.slice(0, count);
    this.#held = this.#held.slice(count);
    this.#before = text.at(-1) ?? this.#before;
    return text;
  }

  #escape(isLast: boolean): string | null {
    if (this.#held.length < 2 && !isLast) return null;
    if (!/^\\[!-/:-@[-`{-~]/.test(this.#held)) return this.#take(1);
    this.#held = this.#held.slice(1);
    return this.#take(1);
  }

  #span(run: string): string {
    if (this.#code !== null && this.#code !== run) return this.#take(run.length);
    const isEnd = this.#code !== null;
    this.#code = isEnd ? null : run;
    this.#take(run.length);
    return isEnd ? this.#styles.code.off : this.#styles.code.on;
  }

  /** A run of marks opens or closes emphasis, or is text, as between two numbers. */
  #emphasis(run: string): string {
    const mark = run.length >= 2 ? run.slice(0, 2) : run;
    const style = this.#styleOf(mark);
    const after = this.#held[mark.length] ?? " ";
    const at = this.#open.findLastIndex((open) => open.mark === mark);
    if (style !== null && at !== -1 && /\S/.test(this.#before)) {
      this.#open.splice(at, 1);
      this.#take(mark.length);
      // Bold and dim end with one sequence, so that what is still open begins again.
      return style.off + this.#open.map((open) => open.style.on).join("");
    }
    const opens = style !== null && /\S/.test(after) && !/[\p{L}\p{N}]/u.test(this.#before);
    if (!opens) return this.#take(run.length);
    this.#take(mark.length);
    this.#open.push({ mark, style });
    return style.on;
  }

  #styleOf(mark: string): Style | null {
    if (mark === "~~") return this.#styles.strike;
    if (mark === "~") return null;
    return mark.length === 2 ? this.#styles.bold : this.#styles.italic;
  }

  #link(isLast: boolean): string | null {
    const [all, text, target] = /^\[([^\]]*)\]\(([^)\s]*)(?: [^)]*)?\)/.exec(this.#held) ?? [];
    if (all === undefined) {
      const mayGoOn = /^\[[^\]]*(?:\](?:\([^)]*)?)?$/.test(this.#held);
      if (!isLast && mayGoOn && this.#held.length < LONGEST_LINK) return null;
      return this.#take(1);
    }
    this.#take(all.length);
    const { underline, dim } = this.#styles;
    return text === target
      ? styled(underline, text!)
      : `${styled(underline, text!)} ${styled(dim, `(${target})`)}`;
  }
}
