import { MAX_EMPTY_WAYS, MAX_GBNF_WAYS } from "../expression/mod.ts";
import { type Beginnings, beginningsOf, emptyRules } from "./beginnings.ts";
import type { ParsedGbnf } from "./parser.ts";
import type { Problem } from "./recursion.ts";

/**
 * Finds rules that the library takes and is then kept busy by: too many ways to begin, or for ever
 * more of them, where a rule begins with itself behind what is empty only by way of others.
 */
export function findCrowd(grammar: ParsedGbnf): Problem | null {
  const { rules, symbols } = grammar;
  const isEmpty = emptyRules(rules);
  const beginnings = new Map<number, Beginnings>();
  for (const rule of reached(grammar)) {
    beginnings.set(rule, beginningsOf(rules[rule]!, (id) => isEmpty[id]!));
  }
  const { order, circles } = leavesFirst(beginnings);
  const ways = new Map<number, number>();
  for (const rule of order) {
    const { rules: begins, characters } = beginnings.get(rule)!;
    let count = characters + (isEmpty[rule] ? 1 : 0);
    // Where nothing comes behind it, a rule that comes twice is the same way.
    const last = new Set<number>();
    for (const { rule: other, goesOn } of begins) {
      if (!goesOn && last.has(other)) continue;
      if (!goesOn) last.add(other);
      count += ways.get(other)!;
    }
    if (count > MAX_GBNF_WAYS) {
      const { name } = symbols[rule]!;
      return { rule, what: `the rule '${name}' may begin in more than ${MAX_GBNF_WAYS} ways` };
    }
    ways.set(rule, count);
  }
  return findEmptyRepeat(grammar, isEmpty, ways) ?? findGrowth(circles, beginnings, grammar);
}

/**
 * A repetition of what may be empty: at each character the library is at every one of the repetitions at
 * once, and goes from each to all that come behind it.
 */
function findEmptyRepeat(
  { repeats, ids }: ParsedGbnf,
  isEmpty: readonly boolean[],
  ways: ReadonlyMap<number, number>,
): Problem | null {
  for (const { item, times, at } of repeats) {
    if (item.some((element) => element < 0 || !isEmpty[element])) continue;
    const each = item.reduce((sum, element) => sum + (ways.get(element) ?? 0), 0);
    if (each * times <= MAX_EMPTY_WAYS) continue;
    const what = `what is repeated up to ${times} times may be empty: ` +
      "repeat what is not, and say that all of it may be missing";
    return { rule: ids.get("root")!, what, at };
  }
  return null;
}

/** The rules that an answer may get into. */
function reached({ rules, ids }: ParsedGbnf): Set<number> {
  const found = new Set([ids.get("root")!]);
  for (const rule of found) {
    for (const element of rules[rule]!) if (element >= 0) found.add(element);
  }
  return found;
}

/** Rules behind all those that they may begin with; what is left begins with a circle. */
function leavesFirst(beginnings: ReadonlyMap<number, Beginnings>) {
  const left = new Map<number, number>();
  const users = new Map<number, number[]>();
  for (const [rule, { rules }] of beginnings) {
    left.set(rule, rules.length);
    for (const { rule: other } of rules) {
      const known = users.get(other);
      if (known === undefined) users.set(other, [rule]);
      else known.push(rule);
    }
  }
  const order = [...left].filter(([, count]) => count === 0).map(([rule]) => rule);
  for (let at = 0; at < order.length; at++) {
    for (const user of users.get(order[at]!) ?? []) {
      const count = left.get(user)! - 1;
      left.set(user, count);
      if (count === 0) order.push(user);
    }
  }
  const circles = new Set([...left].filter(([, count]) => count > 0).map(([rule]) => rule));
  return { order, circles };
}

/**
 * A rule that begins with itself and has more behind that. Where nothing is behind, the library comes
 * back to where it was, and notices.
 */
function findGrowth(
  circles: ReadonlySet<number>,
  beginnings: ReadonlyMap<number, Beginnings>,
  { symbols }: ParsedGbnf,
): Problem | null {
  const circleOf = components(circles, beginnings);
  for (const rule of circles) {
    for (const { rule: other, goesOn } of beginnings.get(rule)!.rules) {
      if (!goesOn || circleOf.get(other) !== circleOf.get(rule)) continue;
      const { name } = symbols[rule]!;
      const what = `the rule '${name}' begins with itself where what comes before may be empty: ` +
        "left recursion is not supported";
      return { rule, what };
    }
  }
  return null;
}

/** Rules that begin with one another have the same number (Tarjan's algorithm, without recursion). */
function components(
  within: ReadonlySet<number>,
  beginnings: ReadonlyMap<number, Beginnings>,
): ReadonlyMap<number, number> {
  const component = new Map<number, number>();
  const index = new Map<number, number>();
  const low = new Map<number, number>();
  const open: number[] = [];
  const nextOf = (rule: number) =>
    beginnings.get(rule)!.rules.map((one) => one.rule).filter((other) => within.has(other));
  for (const start of within) {
    if (index.has(start)) continue;
    const way: { rule: number; next: number[]; at: number }[] = [];
    const enter = (rule: number) => {
      low.set(rule, index.size);
      index.set(rule, index.size);
      open.push(rule);
      way.push({ rule, next: nextOf(rule), at: 0 });
    };
    const reaches = (rule: number, number: number) =>
      low.set(rule, Math.min(low.get(rule)!, number));
    enter(start);
    for (let last = way.at(-1); last !== undefined; last = way.at(-1)) {
      const { rule } = last;
      const other = last.next[last.at++];
      if (other === undefined) {
        way.pop();
        const user = way.at(-1);
        if (user !== undefined) reaches(user.rule, low.get(rule)!);
        if (low.get(rule) !== index.get(rule)) continue;
        for (let member = open.pop()!;; member = open.pop()!) {
          component.set(member, rule);
          if (member === rule) break;
        }
      } else if (!index.has(other)) enter(other);
      else if (!component.has(other)) reaches(rule, index.get(other)!);
    }
  }
  return component;
}
