import { getDefaults, Lexer, type Token, type TokensList } from "marked";

/**
 * Delimiters in a text without blocks above which it is plain text. For each delimiter, the lexer looks at
 * those behind it, so that the time grows with their square.
 */
export const DELIMITERS = 500;

/** Levels of blocks, and of emphasis and links, below which a text is plain. Each level is read again. */
export const LEVELS = 12;

/** Runs of emphasis, and the beginnings of links, code and HTML. */
const DELIMITER = /[*_~]+|[[`<]/g;

/** A lexer of Markdown whose work is bounded: what would take too long is plain text. */
class BoundedLexer extends Lexer {
  #blockLevel = 0;
  #inlineLevel = 0;

  override blockTokens(source: string, tokens?: Token[], isClipped?: boolean): Token[];
  override blockTokens(source: string, tokens?: TokensList, isClipped?: boolean): TokensList;
  override blockTokens(source: string, tokens: Token[] = [], isClipped = false): Token[] {
    if (this.#blockLevel >= LEVELS) {
      tokens.push(paragraphOf(source));
      return tokens;
    }
    this.#blockLevel++;
    try {
      return super.blockTokens(source, tokens, isClipped);
    } finally {
      this.#blockLevel--;
    }
  }

  override inlineTokens(source: string, tokens: Token[] = []): Token[] {
    if (this.#inlineLevel >= LEVELS || hasTooManyDelimiters(source)) {
      tokens.push(textOf(source));
      return tokens;
    }
    this.#inlineLevel++;
    try {
      return super.inlineTokens(source, tokens);
    } finally {
      this.#inlineLevel--;
    }
  }
}

function hasTooManyDelimiters(source: string): boolean {
  let count = 0;
  for (const _ of source.matchAll(DELIMITER)) if (++count > DELIMITERS) return true;
  return false;
}

function textOf(text: string): Token {
  return { type: "text", raw: text, text };
}

function paragraphOf(text: string): Token {
  return { type: "paragraph", raw: text, text, tokens: [textOf(text)] };
}

/** The tokens of a text. Parts with too many delimiters or levels are plain text. */
export function tokensOf(text: string): readonly Token[] {
  try {
    return new BoundedLexer({ ...getDefaults(), gfm: true, async: false }).lex(text);
  } catch {
    return [paragraphOf(text)];
  }
}
