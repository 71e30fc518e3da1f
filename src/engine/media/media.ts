import type { MediaContext } from "../../../ffi/mod.ts";
import { append } from "../../append.ts";
import { encodeBase64 } from "@std/encoding/base64";
import { ShimmyError } from "../../errors.ts";
import {
  type AddSpecial,
  type MediaInput,
  mediaRefusal,
  type MediaStatus,
  type MediaSupport,
  type PromptPart,
} from "../protocol/mod.ts";
import type { Tokenizer } from "../tokenizer/mod.ts";
import {
  appendMedia,
  audioOf,
  lengthOf,
  type MeasuredMedia,
  type MeasuredPrompt,
  mediaOf,
  numbersOf,
  refused,
  rowsOf,
} from "./measured_prompt.ts";
import { MediaCache, type MediaCacheLimits } from "./media_cache.ts";
import { type FileOptions, MediaFiles } from "./media_files.ts";
import type { MediaNumbers } from "./media_numbers.ts";
import { endsWithMedia, MediaRuns } from "./media_runs.ts";
import { TakenMedia } from "./taken_media.ts";

/** Bounds of the media files that no sequence uses: some hundred, of which small ones have few bytes. */
const CACHE_LIMITS: MediaCacheLimits = { idleBytes: 256 * 2 ** 20, idleCount: 1024 };

/** Maximum images and sounds of a prompt. */
const MAX_MEDIA = 64;

/** Maximum bytes of the embeddings of all running and waiting sequences. One prompt alone may have more. */
const MAX_HELD_BYTES = 2 ** 30;

const FLOAT_BYTES = 4;

/** A prompt with the rows of its images and sounds. */
export interface PreparedPrompt {
  readonly tokens: number[];
  readonly runs: MediaRuns;
}

/** Bounds of the media files of a model. */
export interface MediaOptions extends FileOptions {
  /** Maximum bytes of the embeddings of all running and waiting sequences. */
  readonly maxHeldBytes?: number;
}

/**
 * Reads images and sounds for one model. A prompt is measured first, which is quick and tells whether it fits
 * the context; then its images and sounds are encoded.
 */
export class Media implements Disposable {
  readonly #context: MediaContext;
  readonly #tokenizer: Tokenizer;
  readonly #options: MediaOptions;
  readonly #cache = new MediaCache(CACHE_LIMITS);
  readonly #numbers: MediaNumbers;
  readonly #counts = { encoded: 0, reused: 0, encodeMs: 0 };
  readonly #files: MediaFiles;

  constructor(
    context: MediaContext,
    tokenizer: Tokenizer,
    numbers: MediaNumbers,
    options: MediaOptions,
  ) {
    this.#context = context;
    this.#tokenizer = tokenizer;
    this.#numbers = numbers;
    this.#options = options;
    this.#files = new MediaFiles(context, options);
  }

  get support(): MediaSupport {
    const { vision, audio } = this.#context;
    return { vision, audio, refusal: null };
  }

  get status(): Omit<MediaStatus, "waiting"> {
    return { ...this.#counts, bytes: this.#cache.bytes };
  }

  /**
   * Tokenizes the texts of a prompt and counts the rows of its images and sounds, in another thread: those of
   * images from their sizes, those of new sounds by decoding them. The model must stay open until the end. The
   * prompt keeps sounds that it decoded, within a bound, for {@linkcode Media.encode}: close it after that.
   *
   * @param isEnded whether the request was cancelled; asked before each part and before a sound is decoded
   * @returns null if the request was cancelled
   * @throws {ShimmyError} `invalid` with the field for one that the model does not read, that must not be
   * decoded, or that no batch has room for
   */
  measure(prompt: readonly PromptPart[], addSpecial: AddSpecial): Promise<MeasuredPrompt>;
  measure(
    prompt: readonly PromptPart[],
    addSpecial: AddSpecial,
    isEnded: () => boolean,
  ): Promise<MeasuredPrompt | null>;
  async measure(
    prompt: readonly PromptPart[],
    addSpecial: AddSpecial,
    isEnded: () => boolean = () => false,
  ): Promise<MeasuredPrompt | null> {
    const media = prompt.flatMap((part) => "media" in part ? [part.media] : []);
    for (const one of media) {
      const refusal = mediaRefusal(this.support, one.type);
      if (refusal !== null) throw refused(one, refusal);
    }
    if (media.length > MAX_MEDIA) {
      const what =
        `the prompt has ${media.length} images and sounds; at most ${MAX_MEDIA} are allowed`;
      throw refused(media[MAX_MEDIA]!, what);
    }
    using decoded = new DisposableStack();
    const parts: (readonly number[] | MeasuredMedia)[] = [];
    for (const part of prompt) {
      if (isEnded()) return null;
      if (!("media" in part)) {
        parts.push(await this.#tokenizer.encodeAsync([part], false));
        continue;
      }
      const hash = await hashOf(part.media);
      const measured = await this.#files.measure(part.media, hash, isEnded);
      if (measured === null) return null;
      decoded.use(measured.decoded);
      parts.push(measured);
    }
    parts.unshift(this.#begin(parts, addSpecial));
    const length = parts.reduce((sum, part) => sum + lengthOf(part), 0);
    const kept = decoded.move();
    return { parts, length, [Symbol.dispose]: () => kept.dispose() };
  }

  /** The tokens that the vocabulary asks for before a prompt. */
  #begin(
    parts: readonly (readonly number[] | MeasuredMedia)[],
    addSpecial: AddSpecial,
  ): readonly number[] {
    const first = parts.find((part) => lengthOf(part) > 0);
    const tokens = first === undefined || "media" in first ? [] : first.slice(0, 1);
    return this.#tokenizer.withBegin([...tokens], addSpecial).slice(0, -tokens.length || undefined);
  }

  /** The tokens of a prompt. Those of rows are below zero. */
  tokensOf(prompt: MeasuredPrompt): number[] {
    const tokens: number[] = [];
    for (const part of prompt.parts) {
      if ("media" in part) {
        appendMedia(tokens, part, this.#numbers.first(part.hash, numbersOf(part)));
      } else append(tokens, part);
    }
    return tokens;
  }

  /** Whether {@linkcode Media.encode} computes nothing. */
  isEncoded(prompt: MeasuredPrompt): boolean {
    return mediaOf(prompt).every(({ hash }) => this.#cache.has(hash));
  }

  /**
   * Decodes and encodes the images and sounds of a prompt in another thread. The model must stay open until the end. One
   * call at a time, except for prompts that are encoded.
   *
   * @param begun when reading the media files began, as `performance.now` tells
   * @param isEnded whether the request was cancelled; asked before each part of a media file
   * @returns null if the request was cancelled
   * @throws {ShimmyError} `invalid` with the field for a media file that cannot be read; `overloaded` if other
   * requests hold too many; `backend` if the encoder fails
   */
  async encode(
    prompt: MeasuredPrompt,
    begun: number,
    isEnded: () => boolean = () => false,
  ): Promise<PreparedPrompt | null> {
    const start = performance.now();
    const tokens = this.tokensOf(prompt);
    if (endsWithMedia(tokens)) {
      const message = "prompt: must not end with an image or a sound";
      throw new ShimmyError("invalid", message, { field: "prompt" });
    }
    const files = mediaOf(prompt);
    const taken = new TakenMedia(this.#cache);
    try {
      // Before anything else runs, which could drop one of them.
      const missing = files.filter(({ hash }) => !taken.take(hash));
      this.#checkRoom(missing);
      for (const file of missing) {
        if (taken.take(file.hash)) continue;
        const encoded = await this.#timed(() => this.#files.encode(file, isEnded));
        if (encoded === null) {
          taken.release();
          return null;
        }
        taken.add(file.hash, encoded);
        this.#counts.encoded++;
      }
      const work = { begun, ms: performance.now() - start, audio: audioOf(prompt) };
      this.#counts.reused += files.length - missing.length;
      const runs = new MediaRuns(taken.runs(prompt), work, () => taken.release());
      return { tokens, runs };
    } catch (error) {
      taken.release();
      throw error;
    }
  }

  async #timed<T>(work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.#counts.encodeMs += performance.now() - start;
    }
  }

  /** @throws {ShimmyError} `overloaded` if the media files have no room beside those of other requests. */
  #checkRoom(missing: readonly MeasuredMedia[]): void {
    const { maxHeldBytes = MAX_HELD_BYTES } = this.#options;
    const rows = missing.reduce((sum, file) => sum + rowsOf(file), 0);
    const { heldBytes } = this.#cache;
    if (heldBytes === 0 || heldBytes + rows * this.#context.width * FLOAT_BYTES <= maxHeldBytes) {
      return;
    }
    const message = "The images and sounds of other requests take all memory for them";
    throw new ShimmyError("overloaded", message, { retryAfter: 1 });
  }

  [Symbol.dispose](): void {
    this.#context.close();
  }
}

/** A name for a file. One of the other type is refused where this one is expected, also if it is known. */
async function hashOf({ type, bytes }: MediaInput): Promise<string> {
  const hash = encodeBase64(await crypto.subtle.digest("SHA-256", bytes));
  return type === "image" ? hash : `${type}-${hash}`;
}
