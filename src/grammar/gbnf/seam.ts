import { alternatives, emptyRules } from "./beginnings.ts";
import { CHARACTER, type Elements, OTHER_TOKEN, type ParsedGbnf } from "./parser.ts";
import type { Problem } from "./recursion.ts";

/**
 * Finds a token that is ruled out right behind text. Of a token whose text goes on where the rule's text
 * ends, the library says that it may come, by its number, and then ends the process over what is left of
 * its text (`llama_grammar_accept_token`).
 */
export function findSeam({ rules, symbols }: ParsedGbnf): Problem | null {
  const isEmpty = emptyRules(rules);
  const parts = rules.map((rule = []) => [...alternatives(rule)]);
  const begins = reaching(parts, OTHER_TOKEN, isEmpty);
  const ends = reaching(
    parts.map((ways) => ways.map((way) => way.toReversed())),
    CHARACTER,
    isEmpty,
  );
  for (const [rule, ways] of parts.entries()) {
    for (const way of ways) {
      let isBehindText = false;
      for (const element of way) {
        if (isBehindText && (element === OTHER_TOKEN || begins.has(element))) {
          const { name } = symbols[rule]!;
          const what = `the rule '${name}' rules a token out right behind text: ` +
            "put a token between them, or say what text may come instead";
          return { rule, what };
        }
        const isSkipped = element >= 0 && isEmpty[element]!;
        isBehindText = element === CHARACTER || ends.has(element) || (isSkipped && isBehindText);
      }
    }
  }
  return null;
}

/** The rules that may begin with an element. */
function reaching(
  rules: readonly (readonly Elements[])[],
  wanted: number,
  isEmpty: readonly boolean[],
): ReadonlySet<number> {
  const found = new Set<number>();
  const users = new Map<number, number[]>();
  for (const [rule, ways] of rules.entries()) {
    for (const way of ways) {
      for (const element of way) {
        if (element === wanted) found.add(rule);
        if (element < 0) break;
        const known = users.get(element);
        if (known === undefined) users.set(element, [rule]);
        else known.push(rule);
        if (!isEmpty[element]) break;
      }
    }
  }
  for (const rule of found) for (const user of users.get(rule) ?? []) found.add(user);
  return found;
}
