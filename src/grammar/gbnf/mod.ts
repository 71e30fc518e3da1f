/** Checks GBNF grammars of clients: syntax, left recursion and the cost in llama.cpp. */

export { checkGrammar } from "./check.ts";
