/** JSON Schema to GBNF, the grammars that llama.cpp constrains its sampling with, and a check of them. */
import { GrammarBuilder, type GrammarOptions } from "./builder.ts";

export { GrammarBuilder, type GrammarOptions } from "./builder.ts";
export { checkGrammar } from "./gbnf/mod.ts";
export { literal } from "./rules/mod.ts";

/**
 * The grammar of the JSON values that are right by a schema; its start symbol is `root`.
 *
 * See {@linkcode GrammarBuilder.addSchema} for what it takes, what it narrows and what it refuses.
 *
 * @throws {ShimmyError} `invalid`, naming the keyword at fault.
 */
export function schemaToGrammar(schema: unknown, options: GrammarOptions = {}): string {
  const builder = new GrammarBuilder(options);
  builder.addRule("root", builder.addSchema(schema));
  return builder.toString();
}

/** The grammar of any JSON object; its start symbol is `root`. */
export function jsonObjectGrammar(options: GrammarOptions = {}): string {
  const builder = new GrammarBuilder(options);
  builder.addRule("root", builder.addJsonObject());
  return builder.toString();
}
