import { type CharSet, contains, union } from "../expression/mod.ts";

/** An arrow of a state: on any character of the set, to the state of that index. */
export interface Edge {
  readonly set: CharSet;
  readonly to: number;
}

/** A state of a {@linkcode Dfa}; the sets of its edges are disjoint. */
export interface State {
  readonly accepts: boolean;
  readonly edges: readonly Edge[];
}

/**
 * A deterministic automaton over code points. State 0 is where it starts; from every other state some
 * accepting state can be reached, so that no text it begins is a dead end.
 */
export type Dfa = readonly State[];

/** True if the automaton takes the whole text. */
export function accepts(dfa: Dfa, text: string): boolean {
  let state = dfa[0]!;
  for (const char of text) {
    const point = char.codePointAt(0)!;
    const edge = state.edges.find(({ set }) => contains(set, point));
    if (edge === undefined) return false;
    state = dfa[edge.to]!;
  }
  return state.accepts;
}

/** True if the automaton takes no text at all. */
export function isVoid(dfa: Dfa): boolean {
  return !dfa.some((state) => state.accepts);
}

/** Drops the states that cannot be reached or from which nothing is accepted. */
export function trim(dfa: Dfa): Dfa {
  const alive = new Set<number>();
  const sources = new Map<number, number[]>();
  dfa.forEach((state, from) => {
    for (const { to } of state.edges) {
      const list = sources.get(to);
      if (list === undefined) sources.set(to, [from]);
      else list.push(from);
    }
  });
  const pending = dfa.flatMap((state, index) => state.accepts ? [index] : []);
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    if (alive.has(index)) continue;
    alive.add(index);
    pending.push(...(sources.get(index) ?? []));
  }
  const order = [0];
  const place = new Map([[0, 0]]);
  for (let at = 0; at < order.length; at++) {
    for (const { to } of dfa[order[at]!]!.edges) {
      if (!alive.has(to) || place.has(to)) continue;
      place.set(to, order.length);
      order.push(to);
    }
  }
  return order.map((index) => ({
    accepts: dfa[index]!.accepts,
    edges: dfa[index]!.edges.filter(({ to }) => alive.has(to))
      .map(({ set, to }) => ({ set, to: place.get(to)! })),
  }));
}

/** One edge for each target. */
export function joinEdges(edges: readonly Edge[]): Edge[] {
  const byTarget = new Map<number, CharSet[]>();
  for (const { set, to } of edges) {
    if (set.length === 0) continue;
    const sets = byTarget.get(to);
    if (sets === undefined) byTarget.set(to, [set]);
    else sets.push(set);
  }
  return [...byTarget].map(([to, sets]) => ({ set: union(...sets), to }));
}
