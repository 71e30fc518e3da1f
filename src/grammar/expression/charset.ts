/** A set of Unicode code points as sorted, disjoint, inclusive ranges. */
export type CharSet = readonly (readonly [low: number, high: number])[];

/** All scalar values: every code point except surrogates, which UTF-8 cannot encode. */
export const ALL: CharSet = [[0, 0xd7ff], [0xe000, 0x10ffff]];

/** Makes a set from ranges in any order, overlapping or not. */
export function charSet(ranges: readonly (readonly [number, number])[]): CharSet {
  const sorted = ranges.filter(([low, high]) => low <= high).sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [low, high] of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else merged.push([low, high]);
  }
  return intersect(merged, ALL);
}

/** The set of the characters in a text. */
export function charsOf(text: string): CharSet {
  return charSet([...text].map((char) => [code(char), code(char)] as const));
}

/** A range of characters, both ends included. */
export function range(low: string, high: string): CharSet {
  return charSet([[code(low), code(high)]]);
}

export function union(...sets: readonly CharSet[]): CharSet {
  return charSet(sets.flat());
}

export function intersect(a: CharSet, b: CharSet): CharSet {
  const result: [number, number][] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const [aLow, aHigh] = a[i]!;
    const [bLow, bHigh] = b[j]!;
    const low = Math.max(aLow, bLow);
    const high = Math.min(aHigh, bHigh);
    if (low <= high) result.push([low, high]);
    if (aHigh < bHigh) i++;
    else j++;
  }
  return result;
}

export function complement(set: CharSet): CharSet {
  const gaps: [number, number][] = [];
  let next = 0;
  for (const [low, high] of set) {
    if (low > next) gaps.push([next, low - 1]);
    next = high + 1;
  }
  if (next <= 0x10ffff) gaps.push([next, 0x10ffff]);
  return intersect(gaps, ALL);
}

export function subtract(a: CharSet, b: CharSet): CharSet {
  return intersect(a, complement(b));
}

export function contains(set: CharSet, point: number): boolean {
  return set.some(([low, high]) => low <= point && point <= high);
}

/** The code point of a set with one element, otherwise null. */
export function onlyPoint(set: CharSet): number | null {
  const first = set[0];
  return set.length === 1 && first !== undefined && first[0] === first[1] ? first[0] : null;
}

function code(char: string): number {
  return char.codePointAt(0)!;
}
