import { colorCode } from "./code_colors.ts";
import { InlineMarkdown } from "./inline_markdown.ts";
import { styled, type Styles } from "./styles.ts";
import { layOutTable } from "./table_layout.ts";
import { WordWrap } from "./word_wrap.ts";

/** The begin of a line that may still become a heading, a list item, a rule, a fence or a table. */
const UNDECIDED =
  /^ {0,12}(?:#{1,6}|[-+*_][ *_-]*|\d{1,9}[.)]?|>|`{1,2}|~{1,2}|(?:`{3,}|~{3,})[^\n]*|\|[^\n]*)?$/;
const FENCE = /^ *(`{3,}|~{3,}) *(\S*)[^\n]*$/;
const RULE = /^ {0,3}(?:(?:\* *){3,}|(?:- *){3,}|(?:_ *){3,})$/;
const HEADING = /^ {0,3}#{1,6} +/;
const ITEM = /^( *)[-+*] +/;
const QUOTE = /^ {0,3}> ?/;

/**
 * Shows Markdown on a terminal as it streams. Text appears with each piece; lines of code appear when
 * they are complete, and tables when they have ended.
 */
export class MarkdownStream {
  readonly #styles: Styles;
  readonly #columns: number;
  readonly #wrap: WordWrap;
  readonly #inline: InlineMarkdown;
  /** Text of the current line that is not shown yet. */
  #held = "";
  /** Whether the kind of the current line is decided. */
  #isInLine = false;
  #isHeading = false;
  #fence: { readonly mark: string; readonly language: string } | null = null;
  #table: string[] = [];

  /** @param wraps Whether lines are broken between words. */
  constructor(styles: Styles, columns: number, wraps: boolean) {
    this.#styles = styles;
    this.#columns = columns;
    this.#wrap = new WordWrap(wraps ? columns : Infinity);
    this.#inline = new InlineMarkdown(styles);
  }

  /** The text to show next. */
  push(text: string): string {
    this.#held += text;
    let out = "";
    for (let piece = this.#next(); piece !== null; piece = this.#next()) out += piece;
    return out;
  }

  /** The rest of the text, with all styles ended. */
  end(): string {
    const held = this.#held;
    this.#held = "";
    let out = "";
    if (!this.#isInLine && held !== "") out += this.#line(held).replace(/\n$/, "");
    else out += this.#wrap.push(this.#inline.push(held));
    const table = this.#endTable();
    out += held === "" ? table : table.replace(/\n$/, "");
    return out + this.#endLine() + this.#wrap.end();
  }

  /** Null: more text is needed. */
  #next(): string | null {
    const end = this.#held.indexOf("\n");
    if (this.#isInLine) {
      if (this.#held === "") return null;
      const text = end === -1 ? this.#held : this.#held.slice(0, end);
      this.#held = this.#held.slice(text.length);
      if (end === -1) return this.#wrap.push(this.#inline.push(text));
      this.#held = this.#held.slice(1);
      return this.#wrap.push(this.#inline.push(text)) + this.#endLine() + this.#wrap.push("\n");
    }
    if (end !== -1) {
      const line = this.#held.slice(0, end);
      this.#held = this.#held.slice(end + 1);
      return this.#line(line);
    }
    if (this.#fence !== null || UNDECIDED.test(this.#held)) return null;
    const text = this.#held;
    this.#held = "";
    return this.#endTable() + this.#beginLine(text);
  }

  /** A complete line whose kind was not decided before its end. */
  #line(line: string): string {
    if (this.#fence !== null) return this.#codeLine(line, this.#fence);
    if (/^ *\|/.test(line)) {
      this.#table.push(line);
      return "";
    }
    const table = this.#endTable();
    const [, mark, language] = FENCE.exec(line) ?? [];
    if (mark !== undefined) {
      this.#fence = { mark, language: language! };
      return table;
    }
    if (RULE.test(line)) {
      const width = Math.min(this.#columns, 40);
      return table + this.#wrap.fixed(`${styled(this.#styles.dim, "─".repeat(width))}\n`);
    }
    return table + this.#beginLine(line) + this.#endLine() + this.#wrap.push("\n");
  }

  #codeLine(line: string, { mark, language }: { mark: string; language: string }): string {
    if (line.trim().startsWith(mark) && /^[`~]+$/.test(line.trim())) {
      this.#fence = null;
      return "";
    }
    return this.#wrap.fixed(`  ${colorCode(line, language, this.#styles)}\n`);
  }

  /** The begin of a line of text, with the mark of its kind. */
  #beginLine(text: string): string {
    this.#isInLine = true;
    const [heading] = HEADING.exec(text) ?? [];
    if (heading !== undefined) {
      this.#isHeading = true;
      return this.#wrap.push(this.#styles.bold.on) +
        this.#wrap.push(this.#inline.push(text.slice(heading.length)));
    }
    const [item, indent = ""] = ITEM.exec(text) ?? [];
    if (item !== undefined) return this.#marked(`${indent}• `, text.slice(item.length));
    const [quote] = QUOTE.exec(text) ?? [];
    if (quote === undefined) return this.#wrap.push(this.#inline.push(text));
    return this.#marked(styled(this.#styles.dim, "│ "), text.slice(quote.length));
  }

  #marked(mark: string, text: string): string {
    return this.#wrap.push(mark) + this.#wrap.push(this.#inline.push(text));
  }

  #endLine(): string {
    const out = this.#inline.end() + (this.#isHeading ? this.#styles.bold.off : "");
    this.#isHeading = false;
    this.#isInLine = false;
    return this.#wrap.push(out);
  }

  #endTable(): string {
    if (this.#table.length === 0) return "";
    const lines = this.#table;
    this.#table = [];
    const table = layOutTable(lines, this.#columns, this.#styles);
    return this.#wrap.fixed(table ?? lines.map((line) => `${line}\n`).join(""));
  }
}
