import type { MediaChunk, MediaChunks, MediaContext } from "../../../ffi/mod.ts";
import { append } from "../../append.ts";
import { encodeBase64 } from "@std/encoding/base64";
import { ShimmyError } from "../../errors.ts";
import { SerialQueue } from "../../serial_queue.ts";
import {
  type AddSpecial,
  isMediaToken,
  type MediaInput,
  mediaRefusal,
  type MediaStatus,
  type MediaSupport,
  type PromptPart,
} from "../protocol/mod.ts";
import type { Tokenizer } from "../tokenizer/mod.ts";
import { damagedSound } from "../sound/mod.ts";
import { checkImage, checkPixels, damagedImage, MAX_MEDIA } from "./check_image.ts";
import { decodableFile } from "./decodable_file.ts";
import { KnownSounds } from "./known_sounds.ts";
import {
  appendMedia,
  audioOf,
  lengthOf,
  type MeasuredMedia,
  type MeasuredPrompt,
  mediaOf,
  numbersOf,
  type RowPiece,
  rowsOf,
} from "./measured_prompt.ts";
import { type EncodedMedia, MediaCache, type MediaCacheLimits } from "./media_cache.ts";
import type { MediaNumbers } from "./media_numbers.ts";
import { endsWithMedia, type MediaRun, MediaRuns } from "./media_runs.ts";
import { type ReadSound, readSound } from "./read_sound.ts";
import { TakenMedia } from "./taken_media.ts";

/** Bounds of the media files that no sequence uses: some hundred, of which small ones have few bytes. */
const CACHE_LIMITS: MediaCacheLimits = { idleBytes: 256 * 2 ** 20, idleCount: 1024 };

/** Maximum bytes of the embeddings of all running and waiting sequences. One prompt alone may have more. */
const MAX_HELD_BYTES = 2 ** 30;

const FLOAT_BYTES = 4;

/** A prompt with the rows of its images and sounds. */
export interface PreparedPrompt {
  readonly tokens: number[];
  readonly runs: MediaRuns;
}

/** What a model must be able to do with media files. */
export interface MediaOptions {
  /** Maximum rows that must be in one batch. */
  readonly maxWholeRows: number;
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
  readonly #sounds = new KnownSounds();
  /** Decoding, which takes up to some hundred megabytes. */
  readonly #decoding = new SerialQueue();

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
   * images from their sizes, those of new sounds by decoding them. The model must stay open until the end.
   *
   * @throws {ShimmyError} `invalid` with the field for one that the model does not read, that must not be
   * decoded, or that no batch has room for
   */
  async measure(prompt: readonly PromptPart[], addSpecial: AddSpecial): Promise<MeasuredPrompt> {
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
    const parts: (readonly number[] | MeasuredMedia)[] = [];
    for (const part of prompt) {
      parts.push(
        "media" in part
          ? await this.#measured(part.media, await hashOf(part.media))
          : await this.#tokenizer.encodeAsync([part], false),
      );
    }
    parts.unshift(this.#begin(parts, addSpecial));
    return { parts, length: parts.reduce((sum, part) => sum + lengthOf(part), 0) };
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

  async #measured(media: MediaInput, hash: string): Promise<MeasuredMedia> {
    if (media.type === "audio") return await this.#measuredSound(media, hash);
    const { width, height } = checkImage(media);
    using chunks = await this.#context.measure(width, height);
    if (chunks === null) throw refused(media, "the model's encoder can read no image of its size");
    this.#checkBatch(media, chunks);
    return { media, hash, pieces: chunks.list.map(pieceOf) };
  }

  async #measuredSound(sound: MediaInput, hash: string): Promise<MeasuredMedia> {
    const known = this.#sounds.get(hash);
    if (known !== undefined) return { media: sound, hash, ...known };
    const { chunks, seconds } = await this.#readSound(sound);
    using _ = chunks;
    this.#checkBatch(sound, chunks);
    const found = { pieces: chunks.list.map(pieceOf), seconds };
    this.#sounds.add(hash, found);
    return { media: sound, hash, ...found };
  }

  /** @throws {ShimmyError} `invalid` if rows that must be in one batch do not fit into it. */
  #checkBatch(media: MediaInput, { list }: MediaChunks): void {
    const { maxWholeRows } = this.#options;
    const largest = Math.max(...list.map((one) => isWhole(one) ? one.rows : 0));
    if (largest <= maxWholeRows) return;
    const what = `the ${media.type} takes ${largest} rows, which must be in one batch of at most ` +
      `${maxWholeRows}`;
    throw refused(media, what);
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
        const encoded = await this.#timed(() => this.#encoded(file, isEnded));
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

  /** @returns null if the request was cancelled. */
  async #encoded(measured: MeasuredMedia, isEnded: () => boolean): Promise<EncodedMedia | null> {
    const { media } = measured;
    if (isEnded()) return null;
    using chunks = await this.#decoded(media);
    const found = { ...measured, pieces: chunks.list.map(pieceOf) };
    if (rowsOf(found) !== rowsOf(measured)) throw damagedMedia(media);
    const pieces: (readonly number[] | MediaRun)[] = [];
    for (const [index, piece] of found.pieces.entries()) {
      if (!("rows" in piece)) {
        pieces.push(piece);
        continue;
      }
      if (isEnded()) return null;
      const embeddings = await this.#embeddings(chunks, index, media);
      pieces.push({
        ...piece,
        embeddings,
        grid: this.#grid(chunks, index),
        isWhole: isWhole(chunks.list[index]!),
      });
    }
    const bytes = pieces.reduce(
      (sum, piece) => sum + ("rows" in piece ? piece.embeddings.byteLength : 0),
      0,
    );
    return { pieces, bytes };
  }

  async #decoded(media: MediaInput): Promise<MediaChunks> {
    if (media.type === "audio") return (await this.#readSound(media)).chunks;
    await checkPixels(media);
    const file = await decodableFile(media);
    const chunks = await this.#decoding.run(() => this.#context.prepare(file));
    if (chunks === null) throw damagedImage(media);
    return chunks;
  }

  #readSound(sound: MediaInput): Promise<ReadSound> {
    return this.#decoding.run(() => readSound(this.#context, sound));
  }

  #grid(chunks: MediaChunks, index: number): MediaRun["grid"] {
    if (!this.#context.usesMrope) return null;
    return [chunks.gridPositions(index, 0), chunks.gridPositions(index, 1)];
  }

  async #embeddings(
    chunks: MediaChunks,
    index: number,
    { type }: MediaInput,
  ): Promise<Float32Array<ArrayBuffer>> {
    let embeddings: Float32Array<ArrayBuffer>;
    try {
      embeddings = await this.#context.encode(chunks, index);
    } catch (cause) {
      throw new ShimmyError("backend", `The ${type} could not be encoded`, { cause });
    }
    // They would make all later tokens of the sequence meaningless.
    if (!areNumbers(embeddings)) {
      throw new ShimmyError("backend", `The ${type} could not be encoded: a value is not a number`);
    }
    return embeddings;
  }

  [Symbol.dispose](): void {
    this.#context.close();
  }
}

/** Whether no value is infinite or not a number. A loop, because there may be millions of values. */
function areNumbers(values: Float32Array): boolean {
  for (let at = 0; at < values.length; at++) if (values[at]! - values[at]! !== 0) return false;
  return true;
}

/** A vocabulary may lack a token that libmtmd looks for, which then has the id -1. */
function pieceOf(chunk: MediaChunk): readonly number[] | RowPiece {
  return chunk.type === "rows"
    ? { rows: chunk.rows, positions: chunk.positions }
    : chunk.tokens.filter((token) => !isMediaToken(token));
}

/** Whether the rows of a chunk must be in one batch. */
function isWhole(chunk: MediaChunk): chunk is Extract<MediaChunk, { type: "rows" }> {
  return chunk.type === "rows" && chunk.isNonCausal;
}

/** A name for a file. One of the other type is refused where this one is expected, also if it is known. */
async function hashOf({ type, bytes }: MediaInput): Promise<string> {
  const hash = encodeBase64(await crypto.subtle.digest("SHA-256", bytes));
  return type === "image" ? hash : `${type}-${hash}`;
}

/** The error of a media file that its decoder does not accept. */
function damagedMedia(media: MediaInput): ShimmyError {
  return media.type === "image" ? damagedImage(media) : damagedSound(media);
}

function refused({ field }: MediaInput, what: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: ${what}`, { field });
}
