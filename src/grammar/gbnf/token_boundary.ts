import { alternatives, nullableRules } from "./first_sets.ts";
import { type Elements, isCharacter, NEGATED_TOKEN, type ParsedGbnf } from "./parsed_gbnf.ts";
import type { Problem } from "./recursion.ts";

/**
 * Finds a negated token directly after text. If the text of a token continues beyond the rule's
 * text, llama.cpp accepts the token by its id and then ends the process because of the remaining
 * text (`llama_grammar_accept_token`).
 */
export function findTokenBoundaryProblem({ rules, symbols }: ParsedGbnf): Problem | null {
  const isNullable = nullableRules(rules);
  const alternativesOf = rules.map((rule = []) => [...alternatives(rule)]);
  const startWithNegated = rulesStartingWith(
    alternativesOf,
    (element) => element === NEGATED_TOKEN,
    isNullable,
  );
  const endWithText = rulesStartingWith(
    alternativesOf.map((all) => all.map((alternative) => alternative.toReversed())),
    isCharacter,
    isNullable,
  );
  for (const [rule, all] of alternativesOf.entries()) {
    for (const alternative of all) {
      let isAfterText = false;
      for (const element of alternative) {
        if (isAfterText && (element === NEGATED_TOKEN || startWithNegated.has(element))) {
          const { name } = symbols[rule]!;
          const message = `the rule '${name}' has a negated token directly after text: ` +
            "put a token between them, or list the allowed text";
          return { rule, message };
        }
        const isNullableRule = element >= 0 && isNullable[element]!;
        isAfterText = isCharacter(element) || endWithText.has(element) ||
          (isNullableRule && isAfterText);
      }
    }
  }
  return null;
}

/** The rules that may start with a wanted element. */
function rulesStartingWith(
  rules: readonly (readonly Elements[])[],
  isWanted: (element: number) => boolean,
  isNullable: readonly boolean[],
): ReadonlySet<number> {
  const found = new Set<number>();
  const users = new Map<number, number[]>();
  for (const [rule, all] of rules.entries()) {
    for (const alternative of all) {
      for (const element of alternative) {
        if (isWanted(element)) found.add(rule);
        if (element < 0) break;
        const known = users.get(element);
        if (known === undefined) users.set(element, [rule]);
        else known.push(rule);
        if (!isNullable[element]) break;
      }
    }
  }
  for (const rule of found) for (const user of users.get(rule) ?? []) found.add(user);
  return found;
}
