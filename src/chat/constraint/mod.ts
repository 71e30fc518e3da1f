export { constraintOf } from "./constraint.ts";
export { checkRawGrammar } from "./raw_grammar.ts";
