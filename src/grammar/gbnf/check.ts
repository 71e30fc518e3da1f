import type { ShimmyError } from "../../errors.ts";
import { findAmbiguity } from "./ambiguity.ts";
import { findRecursion, type Problem } from "./recursion.ts";
import { findExpansionProblem } from "./expansion_bound.ts";
import type { NamedToken, ParsedGbnf } from "./parsed_gbnf.ts";
import { parse } from "./parser.ts";
import { grammarError } from "./scanner.ts";
import { findTokenBoundaryProblem } from "./token_boundary.ts";

/** The start symbol. */
const ROOT = "root";

/** A checked grammar, and its tokens that remain to be checked against the vocabulary. */
export interface CheckedGrammar {
  /** Tokens that the grammar names by text. Each must be one token of the model's vocabulary. */
  readonly tokens: readonly NamedToken[];
  /** The error for a token that is not in the vocabulary. */
  readonly unknownToken: (token: NamedToken) => ShimmyError;
}

/**
 * Checks a GBNF grammar before llama.cpp parses it. llama.cpp gives no reason for a refusal, and
 * some grammars make it hang or crash. llama.cpp accepts every grammar that passes this check.
 *
 * @throws {ShimmyError} `invalid`, field `grammar`, with the problem and its line and column.
 */
export function checkGrammar(source: string): CheckedGrammar {
  const grammar = parse(source);
  checkNames(grammar);
  const recursion = findRecursion(grammar);
  if (recursion !== null) throw problemError(grammar, recursion);
  const expansion = findExpansionProblem(grammar);
  if (expansion !== null) throw problemError(grammar, expansion);
  const ambiguity = findAmbiguity(grammar);
  if (ambiguity !== null) throw problemError(grammar, ambiguity);
  const boundary = findTokenBoundaryProblem(grammar);
  if (boundary !== null) throw problemError(grammar, boundary);
  return {
    tokens: grammar.tokens,
    unknownToken: ({ text, at }) =>
      grammar.scanner.error(`${text} is not a single token of the model's vocabulary`, at),
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
    throw grammarError(`there is no rule named '${ROOT}', the start symbol`);
  }
}

function problemError(
  { symbols, scanner }: ParsedGbnf,
  { rule, message, at }: Problem,
): ShimmyError {
  return scanner.error(message, at ?? symbols[rule]!.at);
}
