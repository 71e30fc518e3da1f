import { spend } from "../expression/mod.ts";
import { type Dfa, joinEdges } from "./automaton.ts";

/**
 * Merges equivalent states by Moore's partition refinement. The initial partition uses the lengths
 * of the shortest and the longest accepted text of each state, which separate most states at once.
 */
export function minimize(dfa: Dfa): Dfa {
  let block = numbered(extremes(dfa));
  let count = new Set(block).size;
  const steps = dfa.reduce(
    (sum, { edges }) => edges.reduce((more, { set }) => more + 2 + 2 * set.length, sum + 2),
    0,
  );
  while (true) {
    spend(steps);
    const next = numbered(dfa.map((state, index) => {
      const moves = joinEdges(state.edges.map(({ set, to }) => ({ set, to: block[to]! })))
        .sort((a, b) => a.to - b.to);
      return `${block[index]}:${moves.map(({ set, to }) => `${set.join()}>${to}`).join(";")}`;
    }));
    block = next;
    const refined = new Set(block).size;
    if (refined === count) return quotient(dfa, block, count);
    count = refined;
  }
}

/** Numbers keys in order of first occurrence. Equal keys get the same number. */
function numbered(keys: readonly string[]): number[] {
  const names = new Map<string, number>();
  return keys.map((key) => {
    const name = names.get(key) ?? names.size;
    names.set(key, name);
    return name;
  });
}

/**
 * Lengths of the shortest and the longest text that each state accepts. A state in a loop has no
 * longest text.
 */
function extremes(dfa: Dfa): string[] {
  const sources: number[][] = dfa.map(() => []);
  dfa.forEach((state, from) => state.edges.forEach(({ to }) => sources[to]!.push(from)));
  const shortest: number[] = dfa.map((state) => state.accepts ? 0 : -1);
  const near = dfa.flatMap((state, index) => state.accepts ? [index] : []);
  for (let at = 0; at < near.length; at++) {
    const index = near[at]!;
    for (const from of sources[index]!) {
      if (shortest[from] !== -1) continue;
      shortest[from] = shortest[index]! + 1;
      near.push(from);
    }
  }
  const longest: number[] = dfa.map(() => 0);
  const open = dfa.map((state) => state.edges.length);
  const done = dfa.flatMap((state, index) => state.edges.length === 0 ? [index] : []);
  for (let at = 0; at < done.length; at++) {
    const index = done[at]!;
    for (const from of sources[index]!) {
      longest[from] = Math.max(longest[from]!, longest[index]! + 1);
      if (--open[from]! === 0) done.push(from);
    }
  }
  return dfa.map((_, index) => `${shortest[index]},${open[index] === 0 ? longest[index] : ""}`);
}

function quotient(dfa: Dfa, block: readonly number[], count: number): Dfa {
  if (count === dfa.length) return dfa;
  const first = Array.from({ length: count }, (_, name) => block.indexOf(name));
  return first.map((index) => ({
    accepts: dfa[index]!.accepts,
    edges: joinEdges(dfa[index]!.edges.map(({ set, to }) => ({ set, to: block[to]! }))),
  }));
}
