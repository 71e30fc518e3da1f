import type { Range } from "./ranges.ts";

/** A range that one connection is filling; `at` is where it writes next. */
export interface Region {
  at: number;
  /** Another connection may take the end away. */
  end: number;
}

/** Shares what is missing of a file among connections. */
export class Regions {
  readonly #waiting: Region[];
  readonly #active = new Set<Region>();
  readonly #smallest: number;
  /** Whether the server has shown that it sends parts of a file. */
  divisible = false;

  /** @param smallest bytes below which a region is not worth a connection of its own */
  constructor(gaps: readonly Range[], smallest: number) {
    this.#waiting = gaps.map(({ start, end }) => ({ at: start, end }));
    this.#smallest = smallest;
  }

  /** How many connections are filling a region. */
  get active(): number {
    return this.#active.size;
  }

  /** A region to fill: one nobody has, else the latter half of the largest one; `null` when none is worth it. */
  take(): Region | null {
    const region = this.#waiting.shift() ?? this.#halved();
    if (region !== null) this.#active.add(region);
    return region;
  }

  #halved(): Region | null {
    if (!this.divisible) return null;
    const rest = ({ at, end }: Region) => end - at;
    const largest = [...this.#active].sort((a, b) => rest(b) - rest(a))[0];
    if (largest === undefined || rest(largest) < 2 * this.#smallest) return null;
    if (largest.end === Infinity) return null;
    const { end } = largest;
    largest.end -= Math.floor(rest(largest) / 2);
    return { at: largest.end, end };
  }

  /** A region is filled. */
  filled(region: Region): void {
    this.#active.delete(region);
  }

  /** A region cannot be filled by who took it. */
  giveBack(region: Region): void {
    this.#active.delete(region);
    this.#waiting.push(region);
  }
}
