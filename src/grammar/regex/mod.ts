/** Parses ECMA-262 regular expressions and builds deterministic automata from them. */

export { accepts, type Dfa, isEmptyLanguage } from "./automaton.ts";
export { anyOf, difference, everything, intersection, lengths, textsAutomaton } from "./combine.ts";
export { searchAutomaton, wholeAutomaton } from "./determinize.ts";
export { parsePattern, PatternError } from "./parser.ts";
