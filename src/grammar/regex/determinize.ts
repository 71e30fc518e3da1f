import { type Dfa, joinEdges, type State, trim } from "./automaton.ts";
import {
  ALL,
  type CharSet,
  intersect,
  MAX_POSITIONS,
  MAX_STATES,
  MAX_SUBSET_WORK,
  type Pattern,
  spend,
  union,
} from "../expression/mod.ts";
import { minimize } from "./minimize.ts";
import { PatternError } from "./parser.ts";

/** Node of Thompson's construction: some edges read a character, others (epsilon) do not. */
interface Node {
  readonly reads: { readonly set: CharSet; readonly to: number }[];
  readonly jumps: { readonly to: number; readonly only: "start" | "end" | null }[];
}

/**
 * Automaton of the texts that contain a match of a regular expression, at any position unless
 * anchored by `^` and `$`.
 *
 * @throws {PatternError} If it needs more than {@linkcode MAX_STATES} states.
 */
export function searchAutomaton(pattern: Pattern): Dfa {
  const nodes: Node[] = [];
  const start = add(nodes);
  nodes[start]!.reads.push({ set: ALL, to: start });
  const end = build(nodes, pattern, start);
  const after = add(nodes);
  nodes[end]!.jumps.push({ to: after, only: null });
  nodes[after]!.reads.push({ set: ALL, to: after });
  return subsets(nodes, start, after);
}

/** Automaton of the texts that a regular expression matches completely. */
export function wholeAutomaton(pattern: Pattern): Dfa {
  const nodes: Node[] = [];
  const start = add(nodes);
  return subsets(nodes, start, build(nodes, pattern, start));
}

function add(nodes: Node[]): number {
  if (nodes.length >= MAX_POSITIONS) {
    throw new PatternError(
      `it has more than ${MAX_POSITIONS} positions after expansion of its repetitions`,
    );
  }
  return nodes.push({ reads: [], jumps: [] }) - 1;
}

/** Adds the nodes of a pattern after `from` and returns its end node. */
function build(nodes: Node[], pattern: Pattern, from: number): number {
  switch (pattern.kind) {
    case "chars": {
      const to = add(nodes);
      nodes[from]!.reads.push({ set: pattern.set, to });
      return to;
    }
    case "assert": {
      const to = add(nodes);
      nodes[from]!.jumps.push({ to, only: pattern.at });
      return to;
    }
    case "seq":
      return pattern.items.reduce((at, item) => build(nodes, item, at), from);
    case "alt": {
      const to = add(nodes);
      for (const item of pattern.items) {
        const branch = add(nodes);
        nodes[from]!.jumps.push({ to: branch, only: null });
        nodes[build(nodes, item, branch)]!.jumps.push({ to, only: null });
      }
      return to;
    }
    case "repeat":
      return buildRepeat(nodes, pattern.item, pattern.min, pattern.max, from);
  }
}

function buildRepeat(nodes: Node[], item: Pattern, min: number, max: number, from: number): number {
  let at = from;
  for (let count = 0; count < min; count++) at = build(nodes, item, at);
  if (max === Infinity) {
    const loop = add(nodes);
    nodes[at]!.jumps.push({ to: loop, only: null });
    nodes[build(nodes, item, loop)]!.jumps.push({ to: loop, only: null });
    const to = add(nodes);
    nodes[loop]!.jumps.push({ to, only: null });
    return to;
  }
  const to = add(nodes);
  for (let count = min; count < max; count++) {
    const next = add(nodes);
    nodes[at]!.jumps.push({ to, only: null }, { to: next, only: null });
    at = build(nodes, item, next);
  }
  nodes[at]!.jumps.push({ to, only: null });
  return to;
}

/** The subset construction. */
function subsets(nodes: readonly Node[], start: number, final: number): Dfa {
  const sets: number[][] = [];
  const names = new Map<string, number>();
  let work = 0;
  const name = (members: number[], first: boolean): number => {
    // The first state is separate from all others, because `^` holds only there.
    const key = (first ? "^" : "") + members.join();
    const known = names.get(key);
    if (known !== undefined) return known;
    work += members.length;
    if (sets.length >= MAX_STATES || work > MAX_SUBSET_WORK) {
      throw new PatternError(`it needs more than ${MAX_STATES} states`);
    }
    names.set(key, sets.length);
    return sets.push(members) - 1;
  };
  name(closure(nodes, [start], ["start"]), true);
  const states: State[] = [];
  for (let index = 0; index < sets.length; index++) {
    const members = sets[index]!;
    spend(4 + 2 * members.length);
    const atEnd = closure(nodes, members, index === 0 ? ["start", "end"] : ["end"]);
    const edges = splitMoves(members.flatMap((member) => nodes[member]!.reads))
      .map(({ set, targets }) => ({ set, to: name(closure(nodes, targets, []), false) }));
    spend(4 * edges.length);
    states.push({ accepts: atEnd.includes(final), edges: joinEdges(edges) });
  }
  return minimize(trim(states));
}

function closure(
  nodes: readonly Node[],
  from: readonly number[],
  holds: readonly ("start" | "end")[],
): number[] {
  const seen = new Set(from);
  const pending = [...from];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const { to, only } of nodes[at]!.jumps) {
      if (seen.has(to) || (only !== null && !holds.includes(only))) continue;
      seen.add(to);
      pending.push(to);
    }
  }
  return [...seen].sort((a, b) => a - b);
}

/** Splits overlapping sets into disjoint pieces with one set of targets each. */
function splitMoves(
  moves: readonly { readonly set: CharSet; readonly to: number }[],
): { set: CharSet; targets: number[] }[] {
  const cuts = [...new Set(moves.flatMap(({ set }) => set.flatMap(([a, b]) => [a, b + 1])))]
    .sort((a, b) => a - b);
  const pieces = new Map<string, { set: [number, number][]; targets: number[] }>();
  const opened = new Map<number, number[]>();
  const closed = new Map<number, number[]>();
  for (const { set, to } of moves) {
    for (const [low, high] of set) {
      push(opened, low, to);
      push(closed, high + 1, to);
    }
  }
  const depth = new Map<number, number>();
  cuts.forEach((low, index) => {
    for (const to of closed.get(low) ?? []) depth.set(to, depth.get(to)! - 1);
    for (const to of opened.get(low) ?? []) depth.set(to, (depth.get(to) ?? 0) + 1);
    const next = cuts[index + 1];
    if (next === undefined) return;
    const targets = [...depth].flatMap(([to, count]) => count > 0 ? [to] : []).sort((a, b) =>
      a - b
    );
    if (targets.length === 0) return;
    const key = targets.join();
    const piece = pieces.get(key);
    if (piece === undefined) pieces.set(key, { set: [[low, next - 1]], targets });
    else piece.set.push([low, next - 1]);
  });
  return [...pieces.values()].map(({ set, targets }) => ({
    set: intersect(union(set), ALL),
    targets,
  }));
}

function push(map: Map<number, number[]>, key: number, value: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
