import type { MediaChunks } from "../../../ffi/mod.ts";

/** Bytes of a spectrogram for each sample: 256 bins of four bytes for 160 samples, rounded up. */
const SAMPLE_BYTES = 8;
/** Bytes of a part that is filled up to 3,000 frames of 256 bins. */
const PART_BYTES = 3 * 2 ** 20;

/** A sound that is decoded and not encoded yet. Closing it frees its memory. */
export class DecodedSound implements Disposable {
  #chunks: MediaChunks | null;
  readonly #onClose: () => void;

  constructor(chunks: MediaChunks, onClose: () => void) {
    this.#chunks = chunks;
    this.#onClose = onClose;
  }

  /** What the encoder reads; null after closing. */
  get chunks(): MediaChunks | null {
    return this.#chunks;
  }

  [Symbol.dispose](): void {
    if (this.#chunks === null) return;
    this.#chunks[Symbol.dispose]();
    this.#chunks = null;
    this.#onClose();
  }
}

/** Keeps sounds decoded between counting their rows and encoding them, within a bound. */
export class DecodedSounds {
  readonly #maxBytes: number;
  #bytes = 0;

  /** @param maxBytes maximum bytes of all sounds that are kept at one time */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of the sounds that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Keeps a sound. One that has no room is closed, and is decoded again to be encoded.
   *
   * @param samples number of its samples. They tell the most that the spectrogram takes: libmtmd does not.
   */
  keep(chunks: MediaChunks, samples: number): DecodedSound | undefined {
    const parts = chunks.list.filter((chunk) => chunk.type === "rows").length;
    const bytes = samples * SAMPLE_BYTES + parts * PART_BYTES;
    if (this.#bytes + bytes > this.#maxBytes) {
      chunks[Symbol.dispose]();
      return undefined;
    }
    this.#bytes += bytes;
    return new DecodedSound(chunks, () => this.#bytes -= bytes);
  }
}
