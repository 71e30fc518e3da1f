import type { Range } from "./ranges.ts";

/** A range that one connection downloads. `at` is the next offset to write. */
export interface Region {
  at: number;
  /** May shrink when another connection takes the end of the range. */
  end: number;
}

/** Distributes the missing ranges of a file among connections. */
export class Regions {
  readonly #waiting: Region[];
  readonly #active = new Set<Region>();
  readonly #minBytes: number;
  /** True if the server has shown that it supports ranges. */
  supportsRanges = false;

  /** @param minBytes Minimum bytes for a connection of its own. */
  constructor(gaps: readonly Range[], minBytes: number) {
    this.#waiting = gaps.map(({ start, end }) => ({ at: start, end }));
    this.#minBytes = minBytes;
  }

  /** Number of regions in progress. */
  get active(): number {
    return this.#active.size;
  }

  /**
   * Takes a region: a waiting one, otherwise the second half of the largest region in progress.
   * Returns `null` if no region is large enough.
   */
  take(): Region | null {
    const region = this.#waiting.shift() ?? this.#splitLargest();
    if (region !== null) this.#active.add(region);
    return region;
  }

  #splitLargest(): Region | null {
    if (!this.supportsRanges) return null;
    const remaining = ({ at, end }: Region) => end - at;
    const largest = [...this.#active].sort((a, b) => remaining(b) - remaining(a))[0];
    if (largest === undefined || remaining(largest) < 2 * this.#minBytes) return null;
    if (largest.end === Infinity) return null;
    const { end } = largest;
    largest.end -= Math.floor(remaining(largest) / 2);
    return { at: largest.end, end };
  }

  /** Marks a region as complete. */
  complete(region: Region): void {
    this.#active.delete(region);
  }

  /** Returns a region that its connection cannot download. */
  release(region: Region): void {
    this.#active.delete(region);
    this.#waiting.push(region);
  }
}
