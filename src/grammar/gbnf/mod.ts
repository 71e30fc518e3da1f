export { checkGrammar } from "./check.ts";
