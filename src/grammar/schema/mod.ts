/** Compiles JSON Schema documents to grammar rules. */

export { Compiler } from "./compile.ts";
export { automatonExpr } from "./strings.ts";
export { textExpr } from "./texts.ts";
