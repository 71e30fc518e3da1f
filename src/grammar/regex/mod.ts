export { accepts, type Dfa, isVoid } from "./automaton.ts";
export { anyOf, difference, everything, intersection, lengths, textsAutomaton } from "./combine.ts";
export { searchAutomaton, wholeAutomaton } from "./determinize.ts";
export { parsePattern, PatternError } from "./parser.ts";
