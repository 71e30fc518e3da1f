/**
 * Tool call formats of the model families, one file per format: in `json` those whose calls are JSON objects,
 * in `markup` those whose calls are tags, and here those with a syntax of their own.
 */

export { detectFormat, formatNamed } from "./detect.ts";
export { describeTools, generic } from "./json/generic.ts";
export type { ToolFormat } from "./shared/format.ts";
export { GrammarRules, quoted } from "./shared/gbnf.ts";
