import type { MediaChunks, MediaContext } from "../../../ffi/mod.ts";
import { append } from "../../append.ts";
import { encodeBase64 } from "@std/encoding/base64";
import { ShimmyError } from "../../errors.ts";
import {
  type AddSpecial,
  isMediaToken,
  type MediaInput,
  type MediaSupport,
  type PromptPart,
} from "../protocol/mod.ts";
import type { Tokenizer } from "../tokenizer/mod.ts";
import { checkImage, damagedImage, MAX_IMAGES } from "./check_image.ts";
import { type EncodedMedia, MediaCache } from "./media_cache.ts";
import { endsWithMedia, type MediaRun, MediaRuns } from "./media_runs.ts";

/** Maximum bytes of the embeddings of images that no running sequence uses: some hundred images. */
const CACHE_BYTES = 256 * 2 ** 20;

/** The prompt of a request that was cancelled before its images were read. */
const UNREAD = { tokens: [0], runs: MediaRuns.NONE };

/** A prompt with the rows of its images. */
export interface PreparedPrompt {
  readonly tokens: number[];
  readonly runs: MediaRuns;
}

/** Reads images for one model. */
export class Media implements Disposable {
  readonly #context: MediaContext;
  readonly #tokenizer: Tokenizer;
  readonly #maxWholeRows: number;
  readonly #cache = new MediaCache(CACHE_BYTES);

  /** @param maxWholeRows maximum rows that must be in one batch */
  constructor(context: MediaContext, tokenizer: Tokenizer, maxWholeRows: number) {
    this.#context = context;
    this.#tokenizer = tokenizer;
    this.#maxWholeRows = maxWholeRows;
  }

  get support(): MediaSupport {
    if (this.#context.usesMrope) {
      const refusal = "The model places images in two dimensions (M-RoPE), which is not supported";
      return { vision: false, refusal };
    }
    if (!this.#context.vision) {
      return { vision: false, refusal: "The projector of the model reads no images" };
    }
    return { vision: true, refusal: null };
  }

  /**
   * Tokenizes a prompt, and decodes and encodes its images in another thread. The model must stay open until
   * the end. One call at a time.
   *
   * @param isEnded whether the request was cancelled; asked before each image. The prompt then has one token.
   * @throws {ShimmyError} `invalid` with the field for an image that cannot be read; `backend` if the encoder
   * fails.
   */
  async prepare(
    prompt: readonly PromptPart[],
    addSpecial: AddSpecial,
    isEnded: () => boolean = () => false,
  ): Promise<PreparedPrompt> {
    this.#check(prompt);
    const tokens: number[] = [];
    const runs: MediaRun[] = [];
    let ms = 0;
    for (const part of prompt) {
      if (!("media" in part)) {
        append(tokens, await this.#tokenizer.encodeAsync([part], false));
        continue;
      }
      if (isEnded()) return UNREAD;
      const start = performance.now();
      for (const piece of (await this.#encoded(part.media)).pieces) {
        if (!("rows" in piece)) {
          append(tokens, piece);
          continue;
        }
        runs.push(piece);
        for (let row = 0; row < piece.rows; row++) tokens.push(piece.first - row);
      }
      ms += performance.now() - start;
    }
    this.#tokenizer.withBegin(tokens, addSpecial);
    if (endsWithMedia(tokens)) {
      throw new ShimmyError("invalid", "prompt: must not end with an image", { field: "prompt" });
    }
    return { tokens, runs: new MediaRuns(tokens, runs, ms) };
  }

  #check(prompt: readonly PromptPart[]): void {
    const images = prompt.flatMap((part) => "media" in part ? [part.media] : []);
    const { refusal } = this.support;
    if (refusal !== null) throw refused(images[0]!, refusal);
    if (images.length > MAX_IMAGES) {
      const what = `the prompt has ${images.length} images; at most ${MAX_IMAGES} are allowed`;
      throw refused(images[MAX_IMAGES]!, what);
    }
  }

  async #encoded(image: MediaInput): Promise<EncodedMedia> {
    const hash = encodeBase64(await crypto.subtle.digest("SHA-256", image.bytes));
    const known = this.#cache.get(hash);
    if (known !== undefined) return known;
    await checkImage(image);
    using chunks = await this.#context.prepare(image.bytes);
    if (chunks === null) throw damagedImage(image);
    const encoded = await this.#encode(chunks, hash, image);
    this.#cache.add(hash, encoded);
    return encoded;
  }

  async #encode(chunks: MediaChunks, hash: string, image: MediaInput): Promise<EncodedMedia> {
    const isWhole = this.#context.isNonCausal;
    let total = 0;
    for (const chunk of chunks.list) {
      if (chunk.type !== "rows") continue;
      total += chunk.rows;
      if (!isWhole || chunk.rows <= this.#maxWholeRows) continue;
      const what = `the image takes ${chunk.rows} rows, which must be in one batch of at most ` +
        `${this.#maxWholeRows}`;
      throw refused(image, what);
    }
    let first = this.#cache.number(hash, total);
    let bytes = 0;
    const pieces: (readonly number[] | MediaRun)[] = [];
    for (const chunk of chunks.list) {
      if (chunk.type === "tokens") {
        // A vocabulary may lack a token that libmtmd looks for, which then has the id -1.
        pieces.push(chunk.tokens.filter((token) => !isMediaToken(token)));
        continue;
      }
      const embeddings = await this.#embeddings(chunks, chunk.index);
      pieces.push({ first, embeddings, rows: chunk.rows, isWhole });
      bytes += embeddings.byteLength;
      first -= chunk.rows;
    }
    return { pieces, bytes };
  }

  async #embeddings(chunks: MediaChunks, index: number): Promise<Float32Array<ArrayBuffer>> {
    try {
      return await this.#context.encode(chunks, index);
    } catch (cause) {
      throw new ShimmyError("backend", "The image could not be encoded", { cause });
    }
  }

  [Symbol.dispose](): void {
    this.#context.close();
  }
}

function refused({ field }: MediaInput, what: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: ${what}`, { field });
}
