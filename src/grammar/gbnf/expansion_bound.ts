import { MAX_GBNF_EXPANSIONS, MAX_NULLABLE_EXPANSIONS } from "../expression/mod.ts";
import { type FirstSet, firstSetOf, nullableRules } from "./first_sets.ts";
import type { ParsedGbnf } from "./parsed_gbnf.ts";
import type { Problem } from "./recursion.ts";

/**
 * Finds rules that llama.cpp accepts but that keep it busy: rules with too many expansions at their
 * start, and rules that start with themselves after a nullable element, whose expansions grow
 * without end.
 */
export function findExpansionProblem(grammar: ParsedGbnf): Problem | null {
  const { rules, symbols } = grammar;
  const isNullable = nullableRules(rules);
  const firstSets = new Map<number, FirstSet>();
  for (const rule of reachableRules(grammar)) {
    firstSets.set(rule, firstSetOf(rules[rule]!, (id) => isNullable[id]!));
  }
  const { order, inCycles } = topologicalOrder(firstSets);
  const expansions = new Map<number, number>();
  for (const rule of order) {
    const { rules: firstRules, terminals } = firstSets.get(rule)!;
    let count = terminals + (isNullable[rule] ? 1 : 0);
    // A rule that occurs twice without following elements gives the same expansion.
    const unfollowed = new Set<number>();
    for (const { rule: other, isFollowed } of firstRules) {
      if (!isFollowed && unfollowed.has(other)) continue;
      if (!isFollowed) unfollowed.add(other);
      count += expansions.get(other)!;
    }
    if (count > MAX_GBNF_EXPANSIONS) {
      const { name } = symbols[rule]!;
      return {
        rule,
        message: `the start of the rule '${name}' has more than ${MAX_GBNF_EXPANSIONS} expansions`,
      };
    }
    expansions.set(rule, count);
  }
  return findNullableRepeat(grammar, isNullable, expansions) ??
    findLeftCycle(inCycles, firstSets, grammar);
}

/**
 * Finds a repetition of a nullable item. llama.cpp is then at every repetition at once, and goes
 * from each to all that follow.
 */
function findNullableRepeat(
  { repeats, ids }: ParsedGbnf,
  isNullable: readonly boolean[],
  expansions: ReadonlyMap<number, number>,
): Problem | null {
  for (const { item, times, at } of repeats) {
    if (item.some((element) => element < 0 || !isNullable[element])) continue;
    const perItem = item.reduce((sum, element) => sum + (expansions.get(element) ?? 0), 0);
    if (perItem * times <= MAX_NULLABLE_EXPANSIONS) continue;
    const message = `an item repeated up to ${times} times may be empty: ` +
      "repeat an item that is not empty, and make the repetition optional";
    return { rule: ids.get("root")!, message, at };
  }
  return null;
}

/** Rules that are reachable from the root. */
function reachableRules({ rules, ids }: ParsedGbnf): Set<number> {
  const found = new Set([ids.get("root")!]);
  for (const rule of found) {
    for (const element of rules[rule]!) if (element >= 0) found.add(element);
  }
  return found;
}

/**
 * Sorts the rules topologically: each rule after those it may start with. The remaining rules are
 * in cycles or start with one.
 */
function topologicalOrder(firstSets: ReadonlyMap<number, FirstSet>) {
  const remaining = new Map<number, number>();
  const users = new Map<number, number[]>();
  for (const [rule, { rules }] of firstSets) {
    remaining.set(rule, rules.length);
    for (const { rule: other } of rules) {
      const known = users.get(other);
      if (known === undefined) users.set(other, [rule]);
      else known.push(rule);
    }
  }
  const order = [...remaining].filter(([, count]) => count === 0).map(([rule]) => rule);
  for (let at = 0; at < order.length; at++) {
    for (const user of users.get(order[at]!) ?? []) {
      const count = remaining.get(user)! - 1;
      remaining.set(user, count);
      if (count === 0) order.push(user);
    }
  }
  const inCycles = new Set([...remaining].filter(([, count]) => count > 0).map(([rule]) => rule));
  return { order, inCycles };
}

/**
 * Finds a rule that starts with itself and has elements after that. Without following elements
 * llama.cpp returns to the same position and detects it.
 */
function findLeftCycle(
  inCycles: ReadonlySet<number>,
  firstSets: ReadonlyMap<number, FirstSet>,
  { symbols }: ParsedGbnf,
): Problem | null {
  const componentOf = stronglyConnected(inCycles, firstSets);
  for (const rule of inCycles) {
    for (const { rule: other, isFollowed } of firstSets.get(rule)!.rules) {
      if (!isFollowed || componentOf.get(other) !== componentOf.get(rule)) continue;
      const { name } = symbols[rule]!;
      const message = `the rule '${name}' starts with itself after an item that may be empty: ` +
        "left recursion is not supported";
      return { rule, message };
    }
  }
  return null;
}

/**
 * Strongly connected components: rules that start with each other have the same number (Tarjan's
 * algorithm, iterative).
 */
function stronglyConnected(
  rules: ReadonlySet<number>,
  firstSets: ReadonlyMap<number, FirstSet>,
): ReadonlyMap<number, number> {
  const component = new Map<number, number>();
  const index = new Map<number, number>();
  const low = new Map<number, number>();
  const pending: number[] = [];
  const nextOf = (rule: number) =>
    firstSets.get(rule)!.rules.map((one) => one.rule).filter((other) => rules.has(other));
  for (const start of rules) {
    if (index.has(start)) continue;
    const stack: { rule: number; next: number[]; at: number }[] = [];
    const enter = (rule: number) => {
      low.set(rule, index.size);
      index.set(rule, index.size);
      pending.push(rule);
      stack.push({ rule, next: nextOf(rule), at: 0 });
    };
    const lowerTo = (rule: number, number: number) =>
      low.set(rule, Math.min(low.get(rule)!, number));
    enter(start);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { rule } = top;
      const other = top.next[top.at++];
      if (other === undefined) {
        stack.pop();
        const user = stack.at(-1);
        if (user !== undefined) lowerTo(user.rule, low.get(rule)!);
        if (low.get(rule) !== index.get(rule)) continue;
        for (let member = pending.pop()!;; member = pending.pop()!) {
          component.set(member, rule);
          if (member === rule) break;
        }
      } else if (!index.has(other)) enter(other);
      else if (!component.has(other)) lowerTo(rule, index.get(other)!);
    }
  }
  return component;
}
