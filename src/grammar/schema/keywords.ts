import { isRecord, type Schema, type SchemaDocument, type SchemaNode } from "./schema.ts";
import { MAX_ENUM_VALUES, MAX_REPETITION } from "../expression/mod.ts";

export const TYPES = ["null", "boolean", "object", "array", "string", "number", "integer"] as const;
export type TypeName = (typeof TYPES)[number];

/** Keywords that constrain one type, with that type. */
export const TYPE_OF_KEYWORD: Readonly<Record<string, TypeName>> = {
  properties: "object",
  patternProperties: "object",
  additionalProperties: "object",
  propertyNames: "object",
  required: "object",
  minProperties: "object",
  maxProperties: "object",
  items: "array",
  prefixItems: "array",
  additionalItems: "array",
  minItems: "array",
  maxItems: "array",
  uniqueItems: "array",
  minLength: "string",
  maxLength: "string",
  pattern: "string",
  minimum: "number",
  maximum: "number",
  exclusiveMinimum: "number",
  exclusiveMaximum: "number",
  multipleOf: "number",
};

const COMBINATORS = ["$ref", "allOf", "anyOf", "oneOf"];
const GENERAL = ["type", "enum", "const", "format", "nullable"];

/** Keywords that describe a value without restricting it, and keywords that only define names. */
const ANNOTATIONS = new Set(
  ("$schema $id $anchor $dynamicAnchor $vocabulary $comment $defs definitions title description " +
    "default examples example deprecated readOnly writeOnly contentEncoding contentMediaType " +
    "contentSchema minContains maxContains externalDocs xml discriminator propertyOrdering " +
    "markdownDescription enumDescriptions enumNames strict").split(" "),
);

const UNSUPPORTED: Readonly<Record<string, string>> = {
  not: "a grammar cannot express negation",
  if: "a grammar cannot depend on earlier values",
  then: "a grammar cannot depend on earlier values",
  else: "a grammar cannot depend on earlier values",
  dependentSchemas: "a grammar cannot depend on earlier values",
  dependentRequired: "a grammar cannot depend on earlier values",
  dependencies: "a grammar cannot depend on earlier values",
  unevaluatedItems: "it depends on which other keywords matched; use items",
  unevaluatedProperties: "it depends on which other keywords matched; use additionalProperties",
  contains: "a grammar cannot count matching items",
  $dynamicRef: "its target depends on where it is used; use $ref",
  $recursiveRef: "its target depends on where it is used; use $ref",
};

/**
 * Checks that every keyword of a node is supported or has no effect on validity.
 *
 * @throws {ShimmyError} With the first unsupported keyword.
 */
export function checkKeywords(document: SchemaDocument, node: SchemaNode): void {
  for (const key of Object.keys(node)) {
    if (Object.hasOwn(UNSUPPORTED, key)) throw document.unsupported(node, key, UNSUPPORTED[key]!);
    const known = Object.hasOwn(TYPE_OF_KEYWORD, key) || COMBINATORS.includes(key) ||
      GENERAL.includes(key) || ANNOTATIONS.has(key) || key.startsWith("x-");
    if (!known) throw document.unsupported(node, key, "it is not a JSON Schema keyword");
  }
}

/** True if the node restricts values by itself, apart from its combinators. */
export function constrains(node: SchemaNode): boolean {
  return Object.keys(node).some((key) =>
    Object.hasOwn(TYPE_OF_KEYWORD, key) || GENERAL.includes(key)
  );
}

/** A count such as `minItems`; undefined if the node has none. */
export function readCount(doc: SchemaDocument, node: SchemaNode, key: string): number | undefined {
  const value = readNumber(doc, node, key);
  if (value === undefined) return undefined;
  if (!Number.isInteger(value) || value < 0) {
    throw doc.malformed(node, key, "an integer of 0 or more");
  }
  if (key.startsWith("min") && value > MAX_REPETITION) {
    throw doc.unsupported(node, key, `a grammar repeats an item at most ${MAX_REPETITION} times`);
  }
  return value;
}

export function readNumber(doc: SchemaDocument, node: SchemaNode, key: string): number | undefined {
  const value = node[key];
  if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value;
  throw doc.malformed(node, key, "a number");
}

export function readString(doc: SchemaDocument, node: SchemaNode, key: string): string | undefined {
  const value = node[key];
  if (value === undefined || typeof value === "string") return value;
  throw doc.malformed(node, key, "a string");
}

/** The types that a node allows; undefined if it allows all. */
export function readTypes(doc: SchemaDocument, node: SchemaNode): TypeName[] | undefined {
  if (node.type === undefined) return undefined;
  const names: unknown[] = Array.isArray(node.type) ? node.type : [node.type];
  const types = names.map((name) => {
    const type = TYPES.find((known) => known === name);
    if (type === undefined) throw doc.malformed(node, "type", `one or more of ${TYPES.join(", ")}`);
    return type;
  });
  if (node.nullable === true) types.push("null");
  return types;
}

/** The values that a node allows; undefined if it does not list them. */
export function readValues(doc: SchemaDocument, node: SchemaNode): unknown[] | undefined {
  if (node.enum === undefined) return "const" in node ? [node.const] : undefined;
  if (!Array.isArray(node.enum)) throw doc.malformed(node, "enum", "an array");
  if (node.enum.length > MAX_ENUM_VALUES) {
    throw doc.unsupported(node, "enum", `it has more than ${MAX_ENUM_VALUES} values`);
  }
  return "const" in node ? node.enum.filter((value) => equal(value, node.const)) : node.enum;
}

export function readRequired(doc: SchemaDocument, node: SchemaNode): string[] {
  const value = node.required ?? [];
  if (Array.isArray(value) && value.every((name) => typeof name === "string")) return value;
  throw doc.malformed(node, "required", "an array of property names");
}

/** Schemas by name (`properties`, `patternProperties`), in order. */
export function readMap(
  doc: SchemaDocument,
  node: SchemaNode,
  key: string,
): ReadonlyMap<string, Schema> {
  const value = node[key] ?? {};
  if (!isRecord(value)) throw doc.malformed(node, key, "an object of schemas");
  return new Map(
    Object.entries(value).map(([name, schema]) =>
      [name, doc.schema(schema, `${doc.pointerOf(node)}/${key}/${name}`)] as const
    ),
  );
}

/** A list of schemas (`allOf`, `prefixItems`); empty if the node has none. */
export function readList(doc: SchemaDocument, node: SchemaNode, key: string): Schema[] {
  const value = node[key];
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length === 0) {
    throw doc.malformed(node, key, "an array of at least one schema");
  }
  return value.map((item, index) => doc.schema(item, `${doc.pointerOf(node)}/${key}/${index}`));
}

/** The schema of a keyword (`items`, `additionalProperties`), or an empty list. */
export function readSchemas(doc: SchemaDocument, node: SchemaNode, key: string): Schema[] {
  return node[key] === undefined ? [] : [doc.schema(node[key], `${doc.pointerOf(node)}/${key}`)];
}

/** Equality of JSON values. The order of properties is ignored. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => equal(item, b[index]));
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
}
