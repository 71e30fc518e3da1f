import type { MediaChunk, MediaChunks, MediaContext } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { SerialQueue } from "../../serial_queue.ts";
import {
  checkImage,
  checkPixels,
  damagedImage,
  decodableFile,
  imageHeader,
  type Pixels,
  uprightPixels,
} from "../image/mod.ts";
import { isMediaToken, type MediaInput } from "../protocol/mod.ts";
import { damagedSound } from "../sound/mod.ts";
import { DecodedSounds } from "./decoded_sounds.ts";
import { KnownSounds } from "./known_sounds.ts";
import { type MeasuredMedia, refused, type RowPiece, rowsOf } from "./measured_prompt.ts";
import type { EncodedMedia } from "./media_cache.ts";
import type { MediaRun } from "./media_runs.ts";
import { type ReadSound, readSound } from "./read_sound.ts";

/** Maximum bytes of sounds that are decoded and wait to be encoded: about nine minutes. */
const MAX_DECODED_BYTES = 128 * 2 ** 20;

/** Bounds of single files. */
export interface FileOptions {
  /** Maximum rows that must be in one batch. */
  readonly maxWholeRows: number;
  /** Maximum bytes of sounds that are decoded and wait to be encoded. */
  readonly maxDecodedBytes?: number;
}

/** Measures, decodes and encodes single images and sounds. */
export class MediaFiles {
  readonly #context: MediaContext;
  readonly #options: FileOptions;
  readonly #sounds = new KnownSounds();
  readonly #decoded: DecodedSounds;
  /** Decoding, which takes up to some hundred megabytes. */
  readonly #decoding = new SerialQueue();

  constructor(context: MediaContext, options: FileOptions) {
    this.#context = context;
    this.#options = options;
    this.#decoded = new DecodedSounds(options.maxDecodedBytes ?? MAX_DECODED_BYTES);
  }

  /**
   * Counts the rows of a media file. A sound that was decoded for that is kept with the result: close it.
   *
   * @param hash of the file
   * @param isEnded whether the request was cancelled; asked before a sound is decoded
   * @returns null if the request was cancelled.
   * @throws {ShimmyError} `invalid` with the field for a file that must not be decoded, or that no batch has room for
   */
  async measure(
    media: MediaInput,
    hash: string,
    isEnded: () => boolean,
  ): Promise<MeasuredMedia | null> {
    if (media.type === "audio") return await this.#measuredSound(media, hash, isEnded);
    const { width, height } = checkImage(media);
    using chunks = await this.#context.measure(width, height);
    if (chunks === null) throw refused(media, "the model's encoder can read no image of its size");
    this.#checkBatch(media, chunks);
    return { media, hash, pieces: chunks.list.map(pieceOf) };
  }

  async #measuredSound(
    sound: MediaInput,
    hash: string,
    isEnded: () => boolean,
  ): Promise<MeasuredMedia | null> {
    const known = this.#sounds.get(hash);
    if (known !== undefined) return { media: sound, hash, ...known };
    const read = await this.#readSound(sound, isEnded);
    if (read === null) return null;
    const { chunks, samples, seconds } = read;
    using own = new DisposableStack();
    own.use(chunks);
    this.#checkBatch(sound, chunks);
    const found = { pieces: chunks.list.map(pieceOf), seconds };
    this.#sounds.add(hash, found);
    own.move();
    const decoded = this.#decoded.keep(chunks, samples);
    return { media: sound, hash, ...found, ...(decoded === undefined ? {} : { decoded }) };
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

  /**
   * Computes the embeddings of a media file. One call at a time.
   *
   * @param isEnded whether the request was cancelled; asked before each part of the file
   * @returns null if the request was cancelled.
   * @throws {ShimmyError} `invalid` with the field for a damaged file; `backend` if the encoder fails
   */
  async encode(measured: MeasuredMedia, isEnded: () => boolean): Promise<EncodedMedia | null> {
    const { media, decoded } = measured;
    if (isEnded()) return null;
    using kept = decoded;
    using read = kept?.chunks ? null : await this.#read(media, isEnded);
    const chunks = kept?.chunks ?? read;
    if (chunks === null) return null;
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

  async #read(media: MediaInput, isEnded: () => boolean): Promise<MediaChunks | null> {
    if (media.type === "audio") return (await this.#readSound(media, isEnded))?.chunks ?? null;
    await checkPixels(media);
    const file = await decodableFile(media);
    const { orientation } = imageHeader(media.bytes)!;
    const hooks = orientation === undefined
      ? {}
      : { replacePixels: (pixels: Pixels) => uprightPixels(pixels, orientation) };
    const chunks = await this.#decoding.run(() => this.#context.prepare(file, hooks));
    if (chunks === null) throw damagedImage(media);
    return chunks;
  }

  /** Null if the request was cancelled while others were decoded. */
  #readSound(sound: MediaInput, isEnded: () => boolean): Promise<ReadSound | null> {
    return this.#decoding.run(async () => isEnded() ? null : await readSound(this.#context, sound));
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

/** The error of a media file that its decoder does not accept. */
function damagedMedia(media: MediaInput): ShimmyError {
  return media.type === "image" ? damagedImage(media) : damagedSound(media);
}
