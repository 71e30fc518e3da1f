import type { Token } from "marked";
import { tokensOf } from "./lexer.ts";

/** A block of a text: a paragraph, a list, a table, a piece of code. */
export interface Block {
  /** The Markdown of the block. */
  readonly raw: string;
  readonly token: Token;
}

/** Blocks at the end that more text can still change: a paragraph can become a heading or join a list. */
const OPEN_BLOCKS = 2;

/** The blocks of a text that grows. */
export class BlockList {
  #text = "";
  #blocks: readonly Block[] = [];

  /**
   * The blocks of a text. Blocks that are the same as before keep their identity. A text that continues the
   * former one is parsed from its last blocks on, so references to links must come before their use or in
   * the same part; with `isWhole`, all of the text is parsed.
   */
  update(given: string, { isWhole = false } = {}): readonly Block[] {
    const text = given.replaceAll("\r\n", "\n");
    const kept = isWhole || !text.startsWith(this.#text) ? [] : this.#closed();
    const start = kept.reduce((length, { raw }) => length + raw.length, 0);
    const rest = blocksOf(text.slice(start));
    const before = new Map(this.#blocks.map((block) => [block.raw, block]));
    this.#blocks = [
      ...kept,
      ...rest.map((block) => isWhole ? block : before.get(block.raw) ?? block),
    ];
    this.#text = text;
    return this.#blocks;
  }

  /** The blocks that more text cannot change. */
  #closed(): readonly Block[] {
    const length = this.#blocks.reduce((sum, { raw }) => sum + raw.length, 0);
    // The lexer may normalize a text; then its places are unknown.
    if (length !== this.#text.length) return [];
    return this.#blocks.slice(0, Math.max(0, this.#blocks.length - OPEN_BLOCKS));
  }
}

/** White space between blocks belongs to the block before it. */
function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let lead = "";
  for (const token of tokensOf(text)) {
    const last = blocks.at(-1);
    if (token.type !== "space") blocks.push({ raw: lead + token.raw, token });
    else if (last !== undefined) blocks[blocks.length - 1] = { ...last, raw: last.raw + token.raw };
    else {
      lead = token.raw;
      continue;
    }
    lead = "";
  }
  return blocks;
}
