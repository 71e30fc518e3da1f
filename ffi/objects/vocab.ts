import type { Library } from "../library/library.ts";
import { integersAt, readCString } from "../memory/memory.ts";
import { LLAMA_TOKEN_NULL } from "../generated/constants.ts";
import { LLAMA_TOKEN_ATTR } from "../generated/enums.ts";

/**
 * Initial buffer size for the text of a token; longer texts are read again with the required size.
 */
const PIECE_BYTES = 128;
/** Maximum tokens that are usually added to a text. */
const ADDED_TOKENS = 8;

/** Fill-in-the-middle tokens; null where the vocabulary has no such token. */
export interface FillTokens {
  readonly prefix: number;
  readonly suffix: number;
  readonly middle: number;
  readonly repository: number | null;
  readonly separator: number | null;
}

/** A vocabulary: conversion between text and token ids. Valid as long as its model. */
export class Vocab {
  readonly #library: Library;
  readonly #handle: Deno.PointerValue;
  readonly #encoder = new TextEncoder();
  #tokens = new Int32Array(1024);
  #piece = new Uint8Array(PIECE_BYTES);

  /** Number of tokens. */
  readonly size: number;

  /** @internal Made by `Model`. */
  constructor(library: Library, handle: Deno.PointerValue) {
    this.#library = library;
    this.#handle = handle;
    this.size = library.llama.llama_vocab_n_tokens(handle);
  }

  /** @internal For the samplers that read the vocabulary. */
  get handle(): Deno.PointerValue {
    return this.#handle;
  }

  /**
   * Tokenizes a text.
   *
   * @param addSpecial add the special tokens that the vocabulary asks for at the ends (BOS, EOS).
   * @param parseSpecial parse control tokens in the text; otherwise they are plain text.
   */
  tokenize(text: string, addSpecial: boolean, parseSpecial: boolean): Int32Array {
    const bytes = this.#encoder.encode(text);
    const run = () =>
      this.#library.llama.llama_tokenize(
        this.#handle,
        bytes,
        bytes.length,
        this.#tokens,
        this.#tokens.length,
        addSpecial,
        parseSpecial,
      );
    let count = run();
    if (count < 0) {
      this.#tokens = new Int32Array(requiredLength(count));
      count = run();
    }
    return this.#tokens.slice(0, count);
  }

  /**
   * Tokenizes a text in another thread. libllama's tokenizer only reads the vocabulary, so contexts
   * may compute meanwhile. The model must stay open until the end.
   */
  async tokenizeAsync(
    text: string,
    addSpecial: boolean,
    parseSpecial: boolean,
  ): Promise<Int32Array> {
    const bytes = this.#encoder.encode(text);
    // A token has at least one byte, except those that are added, so that one run suffices.
    let tokens = new Int32Array(bytes.length + ADDED_TOKENS);
    const run = () =>
      this.#library.llama.llama_tokenize_async(
        this.#handle,
        bytes,
        bytes.length,
        tokens,
        tokens.length,
        addSpecial,
        parseSpecial,
      );
    let count = await run();
    while (count < 0) {
      tokens = new Int32Array(requiredLength(count));
      count = await run();
    }
    return tokens.subarray(0, count);
  }

  /** Bytes of a token, which may be incomplete UTF-8. Control tokens are empty unless `special`. */
  piece(token: number, special: boolean): Uint8Array {
    const run = () =>
      this.#library.llama.llama_token_to_piece(
        this.#handle,
        token,
        this.#piece,
        this.#piece.length,
        0,
        special,
      );
    let length = run();
    if (length < 0) {
      this.#piece = new Uint8Array(-length);
      length = run();
    }
    return this.#piece.slice(0, length);
  }

  /** Text of a token in the vocabulary, e.g. `<|im_end|>`. */
  text(token: number): string {
    return readCString(this.#library.llama.llama_vocab_get_text(this.#handle, token)) ?? "";
  }

  /** Whether the token is an end-of-generation token. */
  isEndOfGeneration(token: number): boolean {
    return this.#library.llama.llama_vocab_is_eog(this.#handle, token);
  }

  /** Whether the token is a control token. */
  isControl(token: number): boolean {
    return this.#library.llama.llama_vocab_is_control(this.#handle, token);
  }

  /** Whether the token is user-defined. */
  isUserDefined(token: number): boolean {
    const attributes = this.#library.llama.llama_vocab_get_attr(this.#handle, token);
    return (attributes & LLAMA_TOKEN_ATTR.USER_DEFINED) !== 0;
  }

  /** Beginning of sequence; null if the vocabulary has none. */
  get bos(): number | null {
    return tokenOrNull(this.#library.llama.llama_vocab_bos(this.#handle));
  }

  /** End of sequence. */
  get eos(): number | null {
    return tokenOrNull(this.#library.llama.llama_vocab_eos(this.#handle));
  }

  /** End of turn. */
  get eot(): number | null {
    return tokenOrNull(this.#library.llama.llama_vocab_eot(this.#handle));
  }

  /** Separator between two texts. */
  get sep(): number | null {
    return tokenOrNull(this.#library.llama.llama_vocab_sep(this.#handle));
  }

  /** Whether EOS is added to texts. */
  get addEos(): boolean {
    return this.#library.llama.llama_vocab_get_add_eos(this.#handle);
  }

  /** Whether a separator is added between two texts. */
  get addSep(): boolean {
    return this.#library.llama.llama_vocab_get_add_sep(this.#handle);
  }

  /** Whether BOS is added to prompts. */
  get addBos(): boolean {
    return this.#library.llama.llama_vocab_get_add_bos(this.#handle);
  }

  /** Fill-in-the-middle tokens, if the vocabulary has all three. */
  get fim(): FillTokens | null {
    const prefix = tokenOrNull(this.#library.llama.llama_vocab_fim_pre(this.#handle));
    const suffix = tokenOrNull(this.#library.llama.llama_vocab_fim_suf(this.#handle));
    const middle = tokenOrNull(this.#library.llama.llama_vocab_fim_mid(this.#handle));
    return prefix === null || suffix === null || middle === null ? null : {
      prefix,
      suffix,
      middle,
      repository: tokenOrNull(this.#library.llama.llama_vocab_fim_rep(this.#handle)),
      separator: tokenOrNull(this.#library.llama.llama_vocab_fim_sep(this.#handle)),
    };
  }

  /** Tokens that the model file excludes from generation. */
  get suppressed(): number[] {
    const count = new Int32Array(1);
    const list = this.#library.llama.llama_vocab_get_suppress_tokens(this.#handle, count);
    if (list === null || count[0] === 0) return [];
    return [...integersAt(list, count[0]!)];
  }
}

/** Number of tokens for which a call of `llama_tokenize` had no room. */
function requiredLength(result: number): number {
  if (result === -(2 ** 31)) throw new RangeError("Cannot tokenize: the text is too long");
  return -result;
}

function tokenOrNull(token: number): number | null {
  return token === LLAMA_TOKEN_NULL ? null : token;
}
