import { isMediaToken, type Usage } from "../protocol/mod.ts";

/** Dimensions of a position with M-RoPE. */
const DIMENSIONS = 4;

/** Rows of a media file: embeddings that take the places of tokens. */
export interface MediaRun {
  /** Embeddings, one after the other. */
  readonly embeddings: Float32Array<ArrayBuffer>;
  readonly rows: number;
  /** Positions that they take: fewer than rows with M-RoPE. */
  readonly positions: number;
  /** Whether all rows must be in one batch, in which they attend to each other in both directions. */
  readonly isWhole: boolean;
  /**
   * Positions of the rows in the four dimensions of M-RoPE, one dimension after the other, if the first row is at
   * 0, and the same if it is at 1; null without M-RoPE.
   */
  readonly grid: readonly [Int32Array, Int32Array] | null;
}

/** Rows for a batch. */
export interface BatchRows extends Pick<MediaRun, "embeddings" | "rows" | "isWhole"> {
  /** A position for each row; with M-RoPE four, one dimension after the other. */
  readonly positions: Int32Array<ArrayBuffer>;
}

/** A run at its place in a sequence. */
export interface PlacedRun extends MediaRun {
  /** Index of the first row in the tokens of the sequence. */
  readonly start: number;
}

/** The sounds of a prompt. */
export interface AudioLength {
  /** Rows. */
  readonly tokens: number;
  readonly seconds: number;
}

/** The work of reading the media files of a sequence. */
export interface MediaWork {
  /** When it began, as `performance.now` tells. */
  readonly begun: number;
  /** Milliseconds of decoding and encoding, without waiting for other work. */
  readonly ms: number;
  /** What of them are sounds; null without sounds. */
  readonly audio?: AudioLength | null;
}

/** The media files of a sequence. */
export class MediaRuns {
  static readonly NONE = new MediaRuns([], { begun: 0, ms: 0 });
  readonly #runs: readonly PlacedRun[];
  /** Rows without a position of their own before each run, and at the end. */
  readonly #saved: readonly number[];
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
    const saved = [0];
    for (const { rows, positions } of runs) saved.push(saved.at(-1)! + rows - positions);
    this.#saved = saved;
    this.#onRelease = onRelease;
  }

  /** What the sounds add to the usage of a request. */
  get usage(): Pick<Usage, "audioTokens" | "audioSeconds"> {
    const { audio } = this.work;
    return audio ? { audioTokens: audio.tokens, audioSeconds: audio.seconds } : {};
  }

  get isEmpty(): boolean {
    return this.#runs.length === 0;
  }

  /** Position of the token at an index; that of the first row inside of a media file. */
  positionAt(index: number): number {
    if (this.isEmpty) return index;
    const before = this.#countBefore(index);
    const run = this.#runs[before - 1];
    if (run === undefined || index >= run.start + run.rows) return index - this.#saved[before]!;
    return run.start - this.#saved[before - 1]!;
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
   * The rows from an index to the end of their media file.
   *
   * @param index index of a row
   * @param limit maximum rows, unless all must be in one batch
   */
  rowsAt(index: number, limit: number): BatchRows {
    const run = this.#at(index);
    if (run === undefined) throw new RangeError(`No row at ${index}`);
    const before = index - run.start;
    const rows = run.isWhole ? run.rows - before : Math.min(run.rows - before, limit);
    const width = run.embeddings.length / run.rows;
    return {
      embeddings: run.embeddings.subarray(before * width, (before + rows) * width),
      rows,
      isWhole: run.isWhole,
      positions: run.grid === null
        ? Int32Array.from({ length: rows }, (_, row) => this.positionAt(run.start) + before + row)
        : gridAt(run.grid, this.positionAt(run.start), before, rows),
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

/**
 * Positions of some rows in four dimensions.
 *
 * @param grid see `MediaRun`
 * @param start position of the first row of the media file
 */
function gridAt(
  [zero, one]: readonly [Int32Array, Int32Array],
  start: number,
  before: number,
  rows: number,
): Int32Array<ArrayBuffer> {
  const all = zero.length / DIMENSIONS;
  return Int32Array.from({ length: DIMENSIONS * rows }, (_, at) => {
    const index = Math.floor(at / rows) * all + before + at % rows;
    return zero[index]! + start * (one[index]! - zero[index]!);
  });
}

/** Whether the prompt ends with a row: libllama computes no logits for rows, so no token could be sampled. */
export function endsWithMedia(tokens: readonly number[]): boolean {
  const last = tokens.at(-1);
  return last !== undefined && isMediaToken(last);
}
