import type { ShimmyError } from "../../errors.ts";
import { findRecursion, type Problem } from "./recursion.ts";
import { findCrowd } from "./crowd.ts";
import { type NamedToken, parse, type ParsedGbnf } from "./parser.ts";
import { grammarError } from "./scanner.ts";
import { findSeam } from "./seam.ts";

/** The rule with which every sentence begins. */
const ROOT = "root";

/** What is left to find out about a grammar that was checked. */
export interface CheckedGrammar {
  /** Tokens that it names by their texts; each must be one token of the model's vocabulary. */
  readonly tokens: readonly NamedToken[];
  /** What to tell of one that is not. */
  readonly strangeToken: (token: NamedToken) => ShimmyError;
}

/**
 * Checks a grammar in GBNF before the library gets it, which tells no reason for a refusal, and which
 * some grammars would keep busy for ever or crash. What passes here, the library takes.
 *
 * @throws {ShimmyError} `invalid`, field `grammar`: what is wrong, with its line and column.
 */
export function checkGrammar(source: string): CheckedGrammar {
  const grammar = parse(source);
  checkNames(grammar);
  const recursion = findRecursion(grammar);
  if (recursion !== null) throw problem(grammar, recursion);
  const crowd = findCrowd(grammar);
  if (crowd !== null) throw problem(grammar, crowd);
  const seam = findSeam(grammar);
  if (seam !== null) throw problem(grammar, seam);
  return {
    tokens: grammar.tokens,
    strangeToken: ({ text, at }) =>
      grammar.scanner.error(`${text} is not one token of the model's vocabulary`, at),
  };
}

function checkNames(grammar: ParsedGbnf): void {
  const { rules, symbols, ids, scanner } = grammar;
  const isMissing = (id: number) => rules[id] === undefined;
  const missing = new Set<number>();
  for (let id = 0; id < rules.length; id++) {
    if (isMissing(id)) missing.add(id);
    for (const element of rules[id] ?? []) {
      if (element >= 0 && isMissing(element)) missing.add(element);
    }
  }
  const first = [...missing].sort((a, b) => symbols[a]!.at - symbols[b]!.at)[0];
  if (first !== undefined) {
    const { name, at } = symbols[first]!;
    throw scanner.error(`there is no rule named '${name}'`, at);
  }
  const root = ids.get(ROOT);
  if (root === undefined || isMissing(root)) {
    throw grammarError(`there is no rule named '${ROOT}', with which every answer begins`);
  }
}

function problem({ symbols, scanner }: ParsedGbnf, { rule, what, at }: Problem): ShimmyError {
  return scanner.error(what, at ?? symbols[rule]!.at);
}
