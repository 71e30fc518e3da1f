import { type CharSet, contains, union } from "../expression/mod.ts";

/** A transition: for any character of the set, to the state with the index. */
export interface Edge {
  readonly set: CharSet;
  readonly to: number;
}

/** A state of a {@linkcode Dfa}. The sets of its edges are disjoint. */
export interface State {
  readonly accepts: boolean;
  readonly edges: readonly Edge[];
}

/**
 * A deterministic finite automaton over code points. State 0 is the start. An accepting state is
 * reachable from every other state, so no accepted prefix is a dead end.
 */
export type Dfa = readonly State[];

/** True if the automaton accepts the whole text. */
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

/** True if the automaton accepts no text. */
export function isEmptyLanguage(dfa: Dfa): boolean {
  return !dfa.some((state) => state.accepts);
}

/** Removes unreachable states and states that reach no accepting state. */
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

/** Merges edges with the same target. */
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
