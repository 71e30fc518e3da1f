import { MTMD_INPUT_CHUNK_TYPE } from "../generated/enums.ts";
import type { MediaLibrary } from "../library/media_library.ts";
import { integersAt } from "../memory/memory.ts";
import { MtmdDecoderPos } from "../generated/structs.ts";

/** A part of an image or a sound as a model reads it. */
export type MediaChunk =
  /** Tokens around the rows, such as those that begin an image. */
  | { readonly type: "tokens"; readonly tokens: readonly number[] }
  | {
    readonly type: "rows";
    /** Index in the list. */
    readonly index: number;
    /** Number of embeddings. */
    readonly rows: number;
    /** Positions that they take: fewer than rows with M-RoPE. */
    readonly positions: number;
    /** Whether the rows attend to each other in both directions. */
    readonly isNonCausal: boolean;
  };

/** The parts of one image or sound. Holds its pixels or samples, prepared for the encoder. */
export class MediaChunks implements Disposable {
  readonly #media: MediaLibrary;
  #handle: Deno.PointerValue;
  readonly #isNonCausal: (chunk: Deno.PointerValue) => boolean;
  readonly list: readonly MediaChunk[];

  /**
   * @internal Made by `MediaContext.prepare`.
   * @param isNonCausal whether the rows of a chunk attend to each other in both directions
   */
  constructor(
    media: MediaLibrary,
    handle: Deno.PointerObject,
    isNonCausal: (chunk: Deno.PointerValue) => boolean,
  ) {
    this.#media = media;
    this.#handle = handle;
    this.#isNonCausal = isNonCausal;
    const count = Number(media.mtmd.mtmd_input_chunks_size(handle));
    this.list = Array.from({ length: count }, (_, index) => this.#read(index));
  }

  /** @internal */
  chunk(index: number): Deno.PointerValue {
    if (this.#handle === null) throw new Error("Cannot use the chunks: they are closed");
    return this.#media.mtmd.mtmd_input_chunks_get(this.#handle, BigInt(index));
  }

  /**
   * Positions of the rows of a chunk in the four dimensions of M-RoPE (time, row, column and a fourth one), one
   * dimension after the other.
   *
   * @param start position of the first row
   */
  gridPositions(index: number, start: number): Int32Array<ArrayBuffer> {
    const { mtmd } = this.#media;
    const chunk = this.chunk(index);
    const rows = Number(mtmd.mtmd_input_chunk_get_n_tokens(chunk));
    const positions = new Int32Array(4 * rows);
    const image = mtmd.mtmd_input_chunk_get_tokens_image(chunk);
    for (let row = 0; row < rows; row++) {
      const { t, y, x, z } = image === null
        ? { t: start + row, y: start + row, x: start + row, z: start + row }
        : new MtmdDecoderPos(
          mtmd.mtmd_image_tokens_get_decoder_pos(image, start, BigInt(row)) as Uint8Array<
            ArrayBuffer
          >,
        );
      [t, y, x, z].forEach((value, dimension) => positions[dimension * rows + row] = value);
    }
    return positions;
  }

  #read(index: number): MediaChunk {
    const { mtmd } = this.#media;
    const chunk = this.chunk(index);
    if (mtmd.mtmd_input_chunk_get_type(chunk) !== MTMD_INPUT_CHUNK_TYPE.TEXT) {
      return {
        type: "rows",
        index,
        rows: Number(mtmd.mtmd_input_chunk_get_n_tokens(chunk)),
        positions: mtmd.mtmd_input_chunk_get_n_pos(chunk),
        isNonCausal: this.#isNonCausal(chunk),
      };
    }
    const count = new BigUint64Array(1);
    const tokens = mtmd.mtmd_input_chunk_get_tokens_text(chunk, new Uint8Array(count.buffer));
    return {
      type: "tokens",
      tokens: tokens === null ? [] : [...integersAt(tokens, Number(count[0]))],
    };
  }

  close(): void {
    if (this.#handle === null) return;
    this.#media.mtmd.mtmd_input_chunks_free(this.#handle);
    this.#handle = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
