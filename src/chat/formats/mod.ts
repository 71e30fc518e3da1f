/** Tool call formats of the model families, one file per format. */

export { detectFormat, formatNamed } from "./detect.ts";
export { describeTools, generic } from "./generic.ts";
export type { ToolFormat } from "./shared/format.ts";
export { GrammarRules, quoted } from "./shared/gbnf.ts";
