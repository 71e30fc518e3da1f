import type { Vocab } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { append } from "../../append.ts";
import type { AddSpecial, EmbedInput, PromptPart } from "../protocol/mod.ts";

/** Bytes of a token, and their text if they are complete characters. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly text: string | null;
}

/** A text of which an encoding needs the tokens. */
interface TextToEncode {
  readonly text: string;
  /** Whether to add the special tokens of the vocabulary at the ends. */
  readonly ends: boolean;
  /** Whether to parse the text for control tokens. */
  readonly special: boolean;
}

/** The steps of an encoding: it yields texts, receives their tokens and returns all tokens. */
type Encoding = Generator<TextToEncode, number[], Int32Array>;

/**
 * Characters of texts from which encoding takes longer than a step, and about a thousand times longer than
 * a call in another thread.
 */
export const LONG_TEXT = 16_384;

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
   * Encodes a prompt without images. With `addSpecial`, prepends BOS if the vocabulary asks for it and the prompt
   * does not begin with it. `both` encodes a single text as for an embedding.
   * @throws {ShimmyError} `invalid` for a token id outside the vocabulary.
   */
  encode(prompt: readonly PromptPart[], addSpecial: AddSpecial): number[] {
    return this.#encodeHere(this.#prompt(prompt, addSpecial));
  }

  /**
   * Like {@linkcode Tokenizer.encode}, in another thread. The model must stay open until the end.
   * @throws {ShimmyError} `invalid` for a token id outside the vocabulary.
   */
  encodeAsync(prompt: readonly PromptPart[], addSpecial: AddSpecial): Promise<number[]> {
    return this.#encodeBeside(this.#prompt(prompt, addSpecial));
  }

  /**
   * Encodes an input of an embedding: a text, with the special tokens that the vocabulary adds at the ends,
   * token ids, or a query and a document for a reranking model.
   * @throws {ShimmyError} `invalid` for a token id outside the vocabulary.
   */
  encodeInput(input: EmbedInput): number[] {
    return this.#encodeHere(this.#input(input));
  }

  /**
   * Like {@linkcode Tokenizer.encodeInput}, in another thread. The model must stay open until the end.
   * @throws {ShimmyError} `invalid` for a token id outside the vocabulary.
   */
  encodeInputAsync(input: EmbedInput): Promise<number[]> {
    return this.#encodeBeside(this.#input(input));
  }

  #encodeHere(encoding: Encoding): number[] {
    let step = encoding.next();
    while (!step.done) {
      const { text, ends, special } = step.value;
      step = encoding.next(this.#vocab.tokenize(text, ends, special));
    }
    return step.value;
  }

  async #encodeBeside(encoding: Encoding): Promise<number[]> {
    let step = encoding.next();
    while (!step.done) {
      const { text, ends, special } = step.value;
      step = encoding.next(await this.#vocab.tokenizeAsync(text, ends, special));
    }
    return step.value;
  }

  *#prompt(prompt: readonly PromptPart[], addSpecial: AddSpecial): Encoding {
    const ends = hasEnds(prompt, addSpecial);
    const tokens: number[] = [];
    for (const part of prompt) {
      if ("media" in part) throw new TypeError("Cannot tokenize an image");
      append(
        tokens,
        "tokens" in part
          ? this.check(part.tokens, "prompt")
          : yield { text: part.text, ends, special: part.special },
      );
    }
    return this.withBegin(tokens, ends ? false : addSpecial);
  }

  /** Adds BOS to the tokens of a prompt, as {@linkcode Tokenizer.encode} does. */
  withBegin(tokens: number[], addSpecial: AddSpecial): number[] {
    const { bos } = this.#vocab;
    const addsBos = addSpecial && this.#vocab.addBos;
    if (addsBos && bos !== null && tokens[0] !== bos) tokens.unshift(bos);
    return tokens;
  }

  *#input(input: EmbedInput): Encoding {
    if ("query" in input) return yield* this.#pair(input.query, input.document);
    if ("tokens" in input) return [...this.check(input.tokens, input.field)];
    return [...yield { text: input.text, ends: true, special: input.special ?? false }];
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
  *#pair(query: string, document: string): Encoding {
    const vocab = this.#vocab;
    if (this.rerankTemplate !== null) {
      return yield* this.#template(this.rerankTemplate, { query, document });
    }
    const mark = (wanted: boolean, token: number | null) => wanted && token !== null ? [token] : [];
    const end = mark(vocab.addEos, vocab.eos ?? vocab.sep);
    return [
      ...mark(vocab.addBos, vocab.bos),
      ...yield plain(query),
      ...end,
      ...mark(vocab.addSep, vocab.sep),
      ...yield plain(document),
      ...end,
    ];
  }

  /**
   * Encodes the template with the texts inserted. Encodes the parts separately only if a text
   * contains a control token; otherwise the tokenizer merges across part boundaries, as in
   * llama-server.
   */
  *#template(
    template: string,
    texts: Readonly<Record<"query" | "document", string>>,
  ): Encoding {
    const pieces = template.split(/\{(query|document)\}/);
    const parts = pieces.map((piece, index) =>
      index % 2 === 0
        ? { text: piece, special: true }
        : { text: texts[piece as "query" | "document"], special: false }
    );
    for (const text of Object.values(texts)) {
      // A part of the text would be parsed as a control token.
      const tokens = yield { text, ends: false, special: true };
      if (tokens.some((token) => this.#vocab.isControl(token))) {
        return yield* this.#prompt(parts, false);
      }
    }
    return [...yield { text: parts.map(({ text }) => text).join(""), ends: false, special: true }];
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
    return [...this.decodeParts(tokens, Infinity)].join("");
  }

  /**
   * Like {@linkcode Tokenizer.decode}, in parts.
   * @param count number of tokens after which a part ends.
   */
  *decodeParts(tokens: readonly number[], count: number): Generator<string> {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    let text = "";
    let taken = 0;
    for (const token of this.check(tokens, "prompt")) {
      text += decoder.decode(this.piece(token, true).bytes, { stream: true });
      if (++taken % count !== 0) continue;
      yield text;
      text = "";
    }
    yield text + decoder.decode();
  }
}

/** Whether the vocabulary adds its special tokens at both ends: to a single text, as for an embedding. */
function hasEnds(prompt: readonly PromptPart[], addSpecial: AddSpecial): boolean {
  return addSpecial === "both" && prompt.length === 1 && "text" in prompt[0]!;
}

/** A text without special tokens. */
function plain(text: string): TextToEncode {
  return { text, ends: false, special: false };
}
