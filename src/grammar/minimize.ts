import { type Dfa, joinEdges } from "./automaton.ts";

/**
 * Merges states that accept the same texts: Moore's partition refinement, begun from the length of
 * the shortest text that each state accepts, which tells most of them apart at once.
 */
export function minimize(dfa: Dfa): Dfa {
  let block = numbered(shortestTexts(dfa).map(String));
  let count = new Set(block).size;
  while (true) {
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

/** Numbers equal keys alike, in the order in which they first occur. */
function numbered(keys: readonly string[]): number[] {
  const names = new Map<string, number>();
  return keys.map((key) => {
    const name = names.get(key) ?? names.size;
    names.set(key, name);
    return name;
  });
}

function shortestTexts(dfa: Dfa): number[] {
  const sources: number[][] = dfa.map(() => []);
  dfa.forEach((state, from) => state.edges.forEach(({ to }) => sources[to]!.push(from)));
  const lengths: number[] = dfa.map((state) => state.accepts ? 0 : -1);
  const pending = dfa.flatMap((state, index) => state.accepts ? [index] : []);
  for (let at = 0; at < pending.length; at++) {
    const index = pending[at]!;
    for (const from of sources[index]!) {
      if (lengths[from] !== -1) continue;
      lengths[from] = lengths[index]! + 1;
      pending.push(from);
    }
  }
  return lengths;
}

function quotient(dfa: Dfa, block: readonly number[], count: number): Dfa {
  if (count === dfa.length) return dfa;
  const first = Array.from({ length: count }, (_, name) => block.indexOf(name));
  return first.map((index) => ({
    accepts: dfa[index]!.accepts,
    edges: joinEdges(dfa[index]!.edges.map(({ set, to }) => ({ set, to: block[to]! }))),
  }));
}
