import type { Library } from "../library/library.ts";
import { integersAt, readCString } from "../memory/memory.ts";
import { LLAMA_TOKEN_NULL } from "../generated/constants.ts";
import { LLAMA_TOKEN_ATTR } from "../generated/enums.ts";

/** Bytes a token's text is first read into; longer texts are read again with the size the library asks for. */
const PIECE_BYTES = 128;

/** A model's vocabulary: text to token ids and back. Lives as long as its model. */
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
   * Token ids of a text.
   *
   * @param addSpecial adds what the vocabulary wants at the ends (BOS, EOS).
   * @param parseSpecial reads control tokens in the text as such; otherwise they are plain text.
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
      if (count === -(2 ** 31)) throw new RangeError("Cannot tokenize: the text is too long");
      this.#tokens = new Int32Array(-count);
      count = run();
    }
    return this.#tokens.slice(0, count);
  }

  /** The bytes a token stands for; they need not be whole UTF-8. Control tokens are empty unless `special`. */
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

  /** The token as the vocabulary writes it, e.g. `<|im_end|>`. */
  text(token: number): string {
    return readCString(this.#library.llama.llama_vocab_get_text(this.#handle, token)) ?? "";
  }

  /** Whether the token ends an answer. */
  isEndOfGeneration(token: number): boolean {
    return this.#library.llama.llama_vocab_is_eog(this.#handle, token);
  }

  /** Whether the token is for the machine and not for a reader. */
  isControl(token: number): boolean {
    return this.#library.llama.llama_vocab_is_control(this.#handle, token);
  }

  /** Whether the token is plain bytes or text that nobody gave a meaning of its own. */
  isUserDefined(token: number): boolean {
    const attributes = this.#library.llama.llama_vocab_get_attr(this.#handle, token);
    return (attributes & LLAMA_TOKEN_ATTR.USER_DEFINED) !== 0;
  }

  /** Beginning of sequence, or null where the vocabulary has none. */
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

  /** Separator of two sentences. */
  get sep(): number | null {
    return tokenOrNull(this.#library.llama.llama_vocab_sep(this.#handle));
  }

  /** Whether a text ends with EOS. */
  get addEos(): boolean {
    return this.#library.llama.llama_vocab_get_add_eos(this.#handle);
  }

  /** Whether a separator stands between two texts. */
  get addSep(): boolean {
    return this.#library.llama.llama_vocab_get_add_sep(this.#handle);
  }

  /** Whether a prompt begins with BOS. */
  get addBos(): boolean {
    return this.#library.llama.llama_vocab_get_add_bos(this.#handle);
  }

  /** Fill-in-the-middle tokens, where there are all three. */
  get fim(): { prefix: number; suffix: number; middle: number } | null {
    const prefix = tokenOrNull(this.#library.llama.llama_vocab_fim_pre(this.#handle));
    const suffix = tokenOrNull(this.#library.llama.llama_vocab_fim_suf(this.#handle));
    const middle = tokenOrNull(this.#library.llama.llama_vocab_fim_mid(this.#handle));
    return prefix === null || suffix === null || middle === null
      ? null
      : { prefix, suffix, middle };
  }

  /** Tokens the model's file says must never be generated. */
  get suppressed(): number[] {
    const count = new Int32Array(1);
    const list = this.#library.llama.llama_vocab_get_suppress_tokens(this.#handle, count);
    if (list === null || count[0] === 0) return [];
    return [...integersAt(list, count[0]!)];
  }
}

function tokenOrNull(token: number): number | null {
  return token === LLAMA_TOKEN_NULL ? null : token;
}
