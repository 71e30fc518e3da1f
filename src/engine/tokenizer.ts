import type { Vocab } from "../../ffi/mod.ts";
import { ShimmyError } from "../errors.ts";
import type { PromptPart } from "./protocol.ts";

/** A token's bytes, and their text where they are whole characters. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly text: string | null;
}

/** Prompts to token ids, and token ids to text; pieces are looked up once. */
export class Tokenizer {
  readonly #vocab: Vocab;
  readonly #plain: (Piece | undefined)[] = [];
  readonly #special: (Piece | undefined)[] = [];
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  /** @param rerankTemplate how a reranking model wants `{query}` and `{document}` put together. */
  constructor(vocab: Vocab, private readonly rerankTemplate: string | null = null) {
    this.#vocab = vocab;
  }

  /**
   * Token ids of a prompt. `addSpecial` puts BOS before it where the vocabulary wants one, unless the
   * prompt itself begins with it.
   * @throws {ShimmyError} `invalid` for a token id outside the vocabulary.
   */
  encode(prompt: readonly PromptPart[], addSpecial: boolean): number[] {
    const tokens: number[] = [];
    for (const part of prompt) {
      if ("tokens" in part) {
        for (const token of part.tokens) {
          this.#check(token);
          tokens.push(token);
        }
      } else {
        for (const token of this.#vocab.tokenize(part.text, false, part.special)) {
          tokens.push(token);
        }
      }
    }
    const { bos } = this.#vocab;
    if (addSpecial && this.#vocab.addBos && bos !== null && tokens[0] !== bos) tokens.unshift(bos);
    return tokens;
  }

  /** Token ids of a text for an embedding, with all that the vocabulary wants at its ends. */
  encodeWhole(parts: readonly PromptPart[]): number[] {
    const [only] = parts;
    if (parts.length === 1 && only !== undefined && "text" in only) {
      return [...this.#vocab.tokenize(only.text, true, only.special)];
    }
    return this.encode(parts, true);
  }

  /**
   * Token ids of a query and a document for a reranking model: by its template, or as
   * `[BOS] query [EOS] [SEP] document [EOS]`, each mark where the vocabulary asks for it.
   */
  encodePair(query: string, document: string): number[] {
    const vocab = this.#vocab;
    if (this.rerankTemplate !== null) {
      const filled = this.rerankTemplate.split("{query}").join(query)
        .split("{document}").join(document);
      return [...vocab.tokenize(filled, false, true)];
    }
    const mark = (wanted: boolean, token: number | null) => wanted && token !== null ? [token] : [];
    const end = mark(vocab.addEos, vocab.eos ?? vocab.sep);
    return [
      ...mark(vocab.addBos, vocab.bos),
      ...vocab.tokenize(query, false, false),
      ...end,
      ...mark(vocab.addSep, vocab.sep),
      ...vocab.tokenize(document, false, false),
      ...end,
    ];
  }

  #check(token: number): void {
    if (Number.isInteger(token) && token >= 0 && token < this.#vocab.size) return;
    throw new ShimmyError(
      "invalid",
      `prompt: token ${token} is not in the vocabulary (0 to ${this.#vocab.size - 1})`,
      { field: "prompt" },
    );
  }

  /** What a token stands for; control tokens are empty unless `special`. */
  piece(token: number, special: boolean): Piece {
    const cache = special ? this.#special : this.#plain;
    return cache[token] ??= this.#read(token, special);
  }

  #read(token: number, special: boolean): Piece {
    const bytes = this.#vocab.piece(token, special);
    try {
      return { bytes, text: this.#decoder.decode(bytes) };
    } catch {
      return { bytes, text: null };
    }
  }

  /** Text of token ids, control tokens included. */
  decode(tokens: readonly number[]): string {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    let text = "";
    for (const token of tokens) {
      this.#check(token);
      text += decoder.decode(this.piece(token, true).bytes, { stream: true });
    }
    return text + decoder.decode();
  }
}
