/** Grammars that constrain answers to a format or to tool calls. */

export { type Constraint, constraintOf } from "./constraint.ts";
export { checkRawGrammar, type GrammarToken } from "./raw_grammar.ts";
