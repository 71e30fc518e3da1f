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
interface PlacedRun extends MediaRun {
  /** Index of the first row in the tokens of the sequence. */
  readonly start: number;
}

/** The images of a sequence. */
export class MediaRuns {
  static readonly NONE = new MediaRuns([], [], 0);
  readonly #runs: readonly PlacedRun[];

  /**
   * @param tokens the prompt, which holds the rows of the runs in the order of the runs
   * @param ms milliseconds in which they were decoded and encoded
   */
  constructor(tokens: readonly number[], runs: readonly MediaRun[], readonly ms: number) {
    let from = 0;
    this.#runs = runs.map((run) => {
      const start = tokens.indexOf(run.first, from);
      from = start + run.rows;
      return { ...run, start };
    });
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
    return this.#runs.find(({ start }) => start > index)?.start ?? Infinity;
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

  #at(index: number): PlacedRun | undefined {
    return this.#runs.find(({ start, rows }) => index >= start && index < start + rows);
  }
}

/** Whether the prompt ends with a row: libllama computes no logits for rows, so no token could be sampled. */
export function endsWithMedia(tokens: readonly number[]): boolean {
  const last = tokens.at(-1);
  return last !== undefined && isMediaToken(last);
}
