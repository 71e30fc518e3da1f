/** Compiles JSON Schema documents to grammar rules. */

export { Compiler } from "./compile.ts";
export { compileRelaxed } from "./relax.ts";
export { SchemaDocument } from "./schema.ts";
export { automatonExpr } from "./strings.ts";
