import type { Vocab } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { AddSpecial, PromptPart } from "../protocol/mod.ts";

/** Bytes of a token, and their text if they are complete characters. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly text: string | null;
}

/** Encodes prompts and decodes tokens. Caches the piece of each token. */
export class Tokenizer {
  readonly #vocab: Vocab;
  readonly #plain: (Piece | undefined)[] = [];
  readonly #special: (Piece | undefined)[] = [];
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  /** @param rerankTemplate template of a reranking model with `{query}` and `{document}`. */
  constructor(vocab: Vocab, private readonly rerankTemplate: string | null = null) {
    this.#vocab = vocab;
  }

  /**
   * Encodes a prompt. With `addSpecial`, prepends BOS if the vocabulary asks for it and the prompt
   * does not begin with it. `both` encodes a single text as for an embedding.
   * @throws {ShimmyError} `invalid` for a token id outside the vocabulary.
   */
  encode(prompt: readonly PromptPart[], addSpecial: AddSpecial): number[] {
    const ends = hasEnds(prompt, addSpecial);
    const pieces = prompt.map((part) =>
      "tokens" in part
        ? this.check(part.tokens, "prompt")
        : this.#vocab.tokenize(part.text, ends, part.special)
    );
    return this.#joined(pieces, ends ? false : addSpecial);
  }

  /**
   * Like {@linkcode Tokenizer.encode}, in another thread. The model must stay open until the end.
   * @throws {ShimmyError} `invalid` for a token id outside the vocabulary.
   */
  async encodeAsync(prompt: readonly PromptPart[], addSpecial: AddSpecial): Promise<number[]> {
    const ends = hasEnds(prompt, addSpecial);
    const pieces: (readonly number[] | Int32Array)[] = [];
    for (const part of prompt) {
      pieces.push(
        "tokens" in part
          ? this.check(part.tokens, "prompt")
          : await this.#vocab.tokenizeAsync(part.text, ends, part.special),
      );
    }
    return this.#joined(pieces, ends ? false : addSpecial);
  }

  #joined(pieces: readonly (readonly number[] | Int32Array)[], addSpecial: AddSpecial): number[] {
    const tokens: number[] = [];
    for (const piece of pieces) {
      for (const token of piece) tokens.push(token);
    }
    const { bos } = this.#vocab;
    if (addSpecial && this.#vocab.addBos && bos !== null && tokens[0] !== bos) tokens.unshift(bos);
    return tokens;
  }

  /**
   * Encodes a text for an embedding, with the special tokens that the vocabulary adds at the ends.
   *
   * @param special Parse the text for control tokens.
   */
  encodeWhole(text: string, special = false): number[] {
    return [...this.#vocab.tokenize(text, true, special)];
  }

  /** Truncates tokens to `length`. Keeps a final control token that the vocabulary added. */
  truncate(tokens: readonly number[], length: number): number[] {
    const last = tokens.at(-1);
    if (last === undefined || !this.#vocab.isControl(last)) return tokens.slice(0, length);
    return [...tokens.slice(0, length - 1), last];
  }

  /**
   * Encodes a query and a document for a reranking model: by its template, or as `[BOS] query [EOS]
   * [SEP] document [EOS]`, with each special token only if the vocabulary asks for it.
   */
  encodePair(query: string, document: string): number[] {
    const vocab = this.#vocab;
    if (this.rerankTemplate !== null) {
      return this.#encodeTemplate(this.rerankTemplate, { query, document });
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

  /**
   * Encodes the template with the texts inserted. Encodes the parts separately only if a text
   * contains a control token; otherwise the tokenizer merges across part boundaries, as in
   * llama-server.
   */
  #encodeTemplate(
    template: string,
    texts: Readonly<Record<"query" | "document", string>>,
  ): number[] {
    const pieces = template.split(/\{(query|document)\}/);
    const parts = pieces.map((piece, index) =>
      index % 2 === 0
        ? { text: piece, special: true }
        : { text: texts[piece as "query" | "document"], special: false }
    );
    if (Object.values(texts).some((text) => this.#holdsControl(text))) {
      return this.encode(parts, false);
    }
    return [...this.#vocab.tokenize(parts.map(({ text }) => text).join(""), false, true)];
  }

  /** Whether a part of the text would be parsed as a control token. */
  #holdsControl(text: string): boolean {
    const isControl = (token: number) => this.#vocab.isControl(token);
    return this.#vocab.tokenize(text, false, true).some(isControl);
  }

  /**
   * Checks token ids against the vocabulary.
   * @throws {ShimmyError} `invalid` for an id outside the vocabulary.
   */
  check(tokens: readonly number[], field: string): readonly number[] {
    for (const token of tokens) {
      if (Number.isInteger(token) && token >= 0 && token < this.#vocab.size) continue;
      throw new ShimmyError(
        "invalid",
        `${field}: token ${token} is not in the vocabulary (0 to ${this.#vocab.size - 1})`,
        { field },
      );
    }
    return tokens;
  }

  /** Bytes and text of a token. Control tokens are empty unless `special`. */
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

  /** Decodes token ids, including the text of control tokens. */
  decode(tokens: readonly number[]): string {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    let text = "";
    for (const token of this.check(tokens, "prompt")) {
      text += decoder.decode(this.piece(token, true).bytes, { stream: true });
    }
    return text + decoder.decode();
  }
}

/** Whether the vocabulary adds its special tokens at both ends: to a single text, as for an embedding. */
function hasEnds(prompt: readonly PromptPart[], addSpecial: AddSpecial): boolean {
  return addSpecial === "both" && prompt.length === 1 && "text" in prompt[0]!;
}
