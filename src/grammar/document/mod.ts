/** JSON Schema documents: locations, references and checked keywords. */

export {
  constrains,
  equal,
  noteUnknownKeywords,
  readCount,
  readExclusive,
  readList,
  readMap,
  readNumber,
  readRequired,
  readSchemas,
  readString,
  readTypes,
  readValues,
  TYPE_OF_KEYWORD,
  type TypeName,
  TYPES,
} from "./keywords.ts";
export { compileRelaxed } from "./relax.ts";
export { isRecord, type Schema, SchemaDocument, type SchemaNode } from "./schema.ts";
