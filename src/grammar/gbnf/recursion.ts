import { MAX_GBNF_LEFT_DEPTH, MAX_GBNF_STEPS } from "../expression/mod.ts";
import { hasEmptyAlternative, leftmostRules } from "./first_sets.ts";
import type { ParsedGbnf } from "./parsed_gbnf.ts";

/** A problem of a rule. */
export interface Problem {
  readonly rule: number;
  readonly message: string;
  /** Offset of the problem, if it is not the start of the rule. */
  readonly at?: number;
}

/** A rule on the search stack, and the next of its leftmost rules to visit. */
interface Visit {
  readonly rule: number;
  readonly next: readonly number[];
  at: number;
  /** Number of steps of llama.cpp's search below this rule. */
  steps: number;
}

/**
 * Finds left recursion that llama.cpp refuses (`llama_grammar_detect_left_recursion`), and rules
 * for which its search takes too long.
 */
export function findRecursion({ rules, symbols }: ParsedGbnf): Problem | null {
  const isEmptyRule = rules.map((rule) => hasEmptyAlternative(rule!));
  const steps = new Map<number, number>();
  const visit = (rule: number): Visit => ({
    rule,
    next: leftmostRules(rules[rule]!, (id) => isEmptyRule[id]!),
    at: 0,
    steps: 1,
  });
  for (let start = 0; start < rules.length; start++) {
    if (steps.has(start)) continue;
    const stack = [visit(start)];
    const onStack = new Set([start]);
    for (let last = stack.at(-1); last !== undefined; last = stack.at(-1)) {
      const rule = last.next[last.at];
      if (rule === undefined) {
        if (last.steps > MAX_GBNF_STEPS) {
          return {
            rule: last.rule,
            message: `the rule '${nameOf(last.rule)}' starts with too many rules`,
          };
        }
        steps.set(last.rule, last.steps);
        onStack.delete(last.rule);
        stack.pop();
        continue;
      }
      if (onStack.has(rule)) {
        return { rule, message: leftRecursion([...stack.map((one) => one.rule), rule], nameOf) };
      }
      const visited = steps.get(rule);
      if (visited !== undefined) {
        last.steps += visited;
        last.at++;
      } else if (stack.length >= MAX_GBNF_LEFT_DEPTH) {
        return { rule, message: `more than ${MAX_GBNF_LEFT_DEPTH} rules start with each other` };
      } else {
        stack.push(visit(rule));
        onStack.add(rule);
      }
    }
  }
  return null;

  function nameOf(rule: number): string {
    return symbols[rule]!.name;
  }
}

/** Describes a left recursion. `path` ends with a rule that it also contains earlier. */
export function leftRecursion(path: readonly number[], nameOf: (rule: number) => string): string {
  const names = path.slice(path.indexOf(path.at(-1)!)).map(nameOf)
    .filter((name, at, all) => at === 0 || name !== all[at - 1]);
  const first = names[0]!;
  // Groups and repetitions of a rule have the rule's name.
  const cycle = names.length > 1
    ? ` (${[...names, ...(names.at(-1) === first ? [] : [first])].join(" > ")})`
    : "";
  return `the rule '${first}' starts with itself${cycle}: left recursion is not supported`;
}
