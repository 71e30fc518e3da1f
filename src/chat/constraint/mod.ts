/** Grammars that constrain answers to a format or to tool calls. */

export { constraintOf } from "./constraint.ts";
export { checkRawGrammar } from "./raw_grammar.ts";
