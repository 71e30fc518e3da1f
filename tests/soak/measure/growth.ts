/** A value that was measured again and again while the server was at rest. */
export interface Series {
  readonly name: string;
  readonly values: readonly number[];
  /** Growth that counts as noise, whatever the value is. */
  readonly allowance: number;
}

/** Growth between the middle and the end of a series. */
export interface Growth {
  readonly name: string;
  readonly first: number;
  readonly last: number;
  /** Medians of the second and the last third. */
  readonly middle: number;
  readonly end: number;
  readonly isUnbounded: boolean;
}

/** Share of the value that counts as noise. */
const SHARE = 0.1;

/**
 * Whether a value grows without bound: the median of the last third of its measurements exceeds that of the
 * second third by more than a tenth of it and by more than the allowance. Caches and compiled code grow
 * in the first third, and medians leave out single peaks.
 */
export function growthOf({ name, values, allowance }: Series): Growth {
  const third = Math.floor(values.length / 3);
  const middle = median(third === 0 ? values : values.slice(third, values.length - third));
  const end = median(third === 0 ? values : values.slice(values.length - third));
  return {
    name,
    first: values[0] ?? 0,
    last: values.at(-1) ?? 0,
    middle,
    end,
    isUnbounded: end - middle > Math.max(allowance, SHARE * middle),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
