/** Compiles JSON Schema to GBNF, llama.cpp's grammar format, and checks GBNF grammars. */
import { GrammarBuilder, type GrammarOptions } from "./builder.ts";

export { GrammarBuilder, type GrammarOptions, withGrammarBudget } from "./builder.ts";
export { checkGrammar } from "./gbnf/mod.ts";
export { patternMatcher } from "./pattern_matcher.ts";
export { literal } from "./rules/mod.ts";

/**
 * Compiles a schema to a grammar of its valid JSON values. The start symbol is `root`.
 *
 * {@linkcode GrammarBuilder.addSchema} documents what it supports, narrows and refuses.
 *
 * @throws {ShimmyError} `invalid` with the keyword.
 */
export function schemaToGrammar(schema: unknown, options: GrammarOptions = {}): string {
  const builder = new GrammarBuilder(options);
  builder.addRule("root", builder.addSchema(schema));
  return builder.toString();
}

/** A grammar of any JSON object. The start symbol is `root`. */
export function jsonObjectGrammar(options: GrammarOptions = {}): string {
  const builder = new GrammarBuilder(options);
  builder.addRule("root", builder.addJsonObject());
  return builder.toString();
}
