import { isMediaToken } from "../protocol/mod.ts";

/** Rows of an image: embeddings that take the places of tokens. */
export interface MediaRun {
  /** Number of the first row; the others follow downwards. */
  readonly first: number;
  /** Embeddings, one after the other. */
  readonly embeddings: Float32Array<ArrayBuffer>;
  readonly rows: number;
  /** Whether all rows must be in one batch, in which they attend to each other in both directions. */
  readonly isWhole: boolean;
}

/** A run at its place in a sequence. */
export interface PlacedRun extends MediaRun {
  /** Index of the first row in the tokens of the sequence. */
  readonly start: number;
}

/** The work of reading the images of a sequence. */
export interface MediaWork {
  /** When it began, as `performance.now` tells. */
  readonly begun: number;
  /** Milliseconds of decoding and encoding, without waiting for other work. */
  readonly ms: number;
}

/** The images of a sequence. */
export class MediaRuns {
  static readonly NONE = new MediaRuns([], { begun: 0, ms: 0 });
  readonly #runs: readonly PlacedRun[];
  #onRelease: (() => void) | null;

  /**
   * @param runs by ascending place
   * @param onRelease called once, when no sequence needs the embeddings
   */
  constructor(
    runs: readonly PlacedRun[],
    readonly work: MediaWork,
    onRelease: (() => void) | null = null,
  ) {
    this.#runs = runs;
    this.#onRelease = onRelease;
  }

  get isEmpty(): boolean {
    return this.#runs.length === 0;
  }

  /** Whether the token at an index is a row. */
  isRow(index: number): boolean {
    return this.#at(index) !== undefined;
  }

  /** The index of the next row at or after an index; Infinity if there is none. */
  nextRow(index: number): number {
    if (this.isRow(index)) return index;
    return this.#runs[this.#countBefore(index)]?.start ?? Infinity;
  }

  /**
   * The rows from an index to the end of their image.
   *
   * @param index index of a row
   * @param limit maximum rows, unless all must be in one batch
   */
  rowsAt(index: number, limit: number): MediaRun {
    const run = this.#at(index);
    if (run === undefined) throw new RangeError(`No row at ${index}`);
    const before = index - run.start;
    const rows = run.isWhole ? run.rows - before : Math.min(run.rows - before, limit);
    const width = run.embeddings.length / run.rows;
    return {
      first: run.first - before,
      embeddings: run.embeddings.subarray(before * width, (before + rows) * width),
      rows,
      isWhole: run.isWhole,
    };
  }

  /** Lets the embeddings go, after which there must be no more batches with them. */
  release(): void {
    this.#onRelease?.();
    this.#onRelease = null;
  }

  #at(index: number): PlacedRun | undefined {
    const run = this.#runs[this.#countBefore(index) - 1];
    return run !== undefined && index < run.start + run.rows ? run : undefined;
  }

  /** The number of runs that begin at or before an index. */
  #countBefore(index: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#runs[middle]!.start <= index) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Whether the prompt ends with a row: libllama computes no logits for rows, so no token could be sampled. */
export function endsWithMedia(tokens: readonly number[]): boolean {
  const last = tokens.at(-1);
  return last !== undefined && isMediaToken(last);
}
