import { type Dfa, type Edge, joinEdges, type State, trim } from "./automaton.ts";
import {
  ALL,
  type CharSet,
  complement,
  intersect,
  MAX_STATES,
  spend,
  union,
} from "../expression/mod.ts";
import { minimize } from "./minimize.ts";
import { PatternError } from "./parser.ts";

/**
 * Automaton of the texts that all automata accept.
 *
 * @throws {PatternError} If it needs more than {@linkcode MAX_STATES} states.
 */
export function intersection(first: Dfa, ...others: readonly Dfa[]): Dfa {
  return others.reduce((a, b) => product(a, b, (x, y) => x && y, false), first);
}

/** Automaton of the texts that the first accepts and the second does not. */
export function difference(a: Dfa, b: Dfa): Dfa {
  return product(a, b, (x, y) => x && !y, true);
}

/** Automaton of the texts that at least one of the automata accepts. */
export function anyOf(automata: readonly Dfa[]): Dfa {
  // By De Morgan, a or b is not (not a and not b), so difference is enough.
  const all = everything();
  return difference(all, automata.reduce((rest, dfa) => difference(rest, dfa), all));
}

/** Automaton of all texts. */
export function everything(): Dfa {
  return [{ accepts: true, edges: [{ set: ALL, to: 0 }] }];
}

/** Automaton of the texts within a length range in characters. */
export function lengths(min: number, max: number): Dfa {
  const last = max === Infinity ? min : max;
  if (last >= MAX_STATES) throw new PatternError(`its length needs more than ${MAX_STATES} states`);
  return Array.from({ length: last + 1 }, (_, count) => ({
    accepts: count >= min,
    edges: count < last
      ? [{ set: ALL, to: count + 1 }]
      : max === Infinity
      ? [{ set: ALL, to: count }]
      : [],
  }));
}

/** Automaton of exactly the given texts. */
export function textsAutomaton(texts: readonly string[]): Dfa {
  const states: { accepts: boolean; next: Map<number, number> }[] = [
    { accepts: false, next: new Map() },
  ];
  for (const value of texts) {
    let at = 0;
    for (const char of value) {
      const point = char.codePointAt(0)!;
      let to = states[at]!.next.get(point);
      if (to === undefined) {
        if (states.length >= MAX_STATES) {
          throw new PatternError(`they need more than ${MAX_STATES} states`);
        }
        to = states.push({ accepts: false, next: new Map() }) - 1;
        states[at]!.next.set(point, to);
      }
      at = to;
    }
    states[at]!.accepts = true;
  }
  return trim(states.map(({ accepts, next }) => ({
    accepts,
    edges: joinEdges([...next].map(([point, to]) => ({ set: [[point, point]] as CharSet, to }))),
  })));
}

/**
 * Product of two automata. With `alone`, the first continues after the second has no transition.
 */
function product(
  a: Dfa,
  b: Dfa,
  accept: (a: boolean, b: boolean) => boolean,
  alone: boolean,
): Dfa {
  const pairs: [number, number | null][] = [[0, 0]];
  const names = new Map([["0,0", 0]]);
  const name = (left: number, right: number | null): number => {
    const key = `${left},${right}`;
    const known = names.get(key);
    if (known !== undefined) return known;
    if (pairs.length >= MAX_STATES) {
      throw new PatternError(`combined, they need more than ${MAX_STATES} states`);
    }
    names.set(key, pairs.length);
    return pairs.push([left, right]) - 1;
  };
  const states: State[] = [];
  for (let index = 0; index < pairs.length; index++) {
    const [left, right] = pairs[index]!;
    const mine = a[left]!;
    const other = right === null ? { accepts: false, edges: [] } : b[right]!;
    const ranges = other.edges.reduce((sum, { set }) => sum + set.length, 0);
    spend(2 + mine.edges.length * (1 + other.edges.length) + ranges);
    const edges: Edge[] = [];
    const free = complement(union(...other.edges.map(({ set }) => set)));
    for (const { set, to } of mine.edges) {
      for (const edge of other.edges) {
        const both = intersect(set, edge.set);
        if (both.length > 0) edges.push({ set: both, to: name(to, edge.to) });
      }
      const rest = alone ? intersect(set, free) : [];
      if (rest.length > 0) edges.push({ set: rest, to: name(to, null) });
    }
    states.push({ accepts: accept(mine.accepts, other.accepts), edges: joinEdges(edges) });
  }
  return minimize(trim(states));
}
