import { MAX_GBNF_CHAIN, MAX_GBNF_STEPS } from "../expression/mod.ts";
import { hasEmptyAlternative, searched } from "./beginnings.ts";
import type { ParsedGbnf } from "./parser.ts";

/** What is wrong with a rule. */
export interface Problem {
  readonly rule: number;
  readonly what: string;
  /** Where it is, if not where the rule begins. */
  readonly at?: number;
}

/** A rule on the way, and which of those that it may begin with comes next. */
interface Visit {
  readonly rule: number;
  readonly next: readonly number[];
  at: number;
  /** Steps of the library's search below it. */
  steps: number;
}

/**
 * Finds the left recursion that the library refuses (`llama_grammar_detect_left_recursion`), or what
 * keeps it from finding out.
 */
export function findRecursion({ rules, symbols }: ParsedGbnf): Problem | null {
  const looksEmpty = rules.map((rule) => hasEmptyAlternative(rule!));
  const steps = new Map<number, number>();
  const visit = (rule: number): Visit => ({
    rule,
    next: searched(rules[rule]!, (id) => looksEmpty[id]!),
    at: 0,
    steps: 1,
  });
  for (let start = 0; start < rules.length; start++) {
    if (steps.has(start)) continue;
    const way = [visit(start)];
    const onTheWay = new Set([start]);
    for (let last = way.at(-1); last !== undefined; last = way.at(-1)) {
      const rule = last.next[last.at];
      if (rule === undefined) {
        if (last.steps > MAX_GBNF_STEPS) {
          return {
            rule: last.rule,
            what: `the rules that '${nameOf(last.rule)}' begins with are too many`,
          };
        }
        steps.set(last.rule, last.steps);
        onTheWay.delete(last.rule);
        way.pop();
        continue;
      }
      if (onTheWay.has(rule)) {
        return { rule, what: leftRecursion([...way.map((one) => one.rule), rule], nameOf) };
      }
      const known = steps.get(rule);
      if (known !== undefined) {
        last.steps += known;
        last.at++;
      } else if (way.length >= MAX_GBNF_CHAIN) {
        return { rule, what: `more than ${MAX_GBNF_CHAIN} rules begin with one another` };
      } else {
        way.push(visit(rule));
        onTheWay.add(rule);
      }
    }
  }
  return null;

  function nameOf(rule: number): string {
    return symbols[rule]!.name;
  }
}

/** Says how a rule begins with itself; `way` ends with that rule and has it once more before. */
export function leftRecursion(way: readonly number[], nameOf: (rule: number) => string): string {
  const names = way.slice(way.indexOf(way.at(-1)!)).map(nameOf)
    .filter((name, at, all) => at === 0 || name !== all[at - 1]);
  const first = names[0]!;
  // Groups and repetitions of a rule have its name.
  const circle = names.length > 1
    ? ` (${[...names, ...(names.at(-1) === first ? [] : [first])].join(" > ")})`
    : "";
  return `the rule '${first}' begins with itself${circle}: left recursion is not supported`;
}
