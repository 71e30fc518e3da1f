export { Compiler } from "./compile.ts";
export { SchemaDocument } from "./schema.ts";
