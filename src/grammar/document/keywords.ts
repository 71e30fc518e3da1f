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
  contains: "array",
  minLength: "string",
  maxLength: "string",
  pattern: "string",
  minimum: "number",
  maximum: "number",
  exclusiveMinimum: "number",
  exclusiveMaximum: "number",
  multipleOf: "number",
};

/** Keywords that are expanded to alternatives. */
const COMBINATORS = new Set(
  ("$ref $dynamicRef $recursiveRef allOf anyOf oneOf not if then else dependentSchemas " +
    "dependentRequired dependencies unevaluatedItems unevaluatedProperties").split(" "),
);
const GENERAL = ["type", "enum", "const", "format", "nullable"];

/** Keywords that describe a value without restricting it, and keywords that only define names. */
const ANNOTATIONS = new Set(
  ("$schema $id $anchor $dynamicAnchor $recursiveAnchor $vocabulary $comment $defs definitions " +
    "title description default examples example deprecated readOnly writeOnly contentEncoding " +
    "contentMediaType contentSchema minContains maxContains externalDocs xml discriminator " +
    "propertyOrdering markdownDescription enumDescriptions enumNames strict").split(" "),
);

/**
 * Notes the keywords of a node that JSON Schema does not define. They do not change what is valid.
 */
export function noteUnknownKeywords(document: SchemaDocument, node: SchemaNode): void {
  for (const key of Object.keys(node)) {
    const known = Object.hasOwn(TYPE_OF_KEYWORD, key) || COMBINATORS.has(key) ||
      GENERAL.includes(key) || ANNOTATIONS.has(key) || key.startsWith("x-");
    if (!known) document.ignore(node, key);
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

/**
 * An exclusive bound. In draft 4, `exclusiveMinimum: true` makes `minimum` exclusive.
 */
export function readExclusive(
  doc: SchemaDocument,
  node: SchemaNode,
  key: "exclusiveMinimum" | "exclusiveMaximum",
): number | undefined {
  if (typeof node[key] !== "boolean") return readNumber(doc, node, key);
  const inclusive = key === "exclusiveMinimum" ? "minimum" : "maximum";
  return node[key] ? readNumber(doc, node, inclusive) : undefined;
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
  // "any" is a type of draft 3.
  if (names.includes("any")) return undefined;
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

/**
 * Names of the required properties. In draft 3, a property's own schema says that it is required:
 * `required: true`.
 */
export function readRequired(doc: SchemaDocument, node: SchemaNode): string[] {
  const value = node.required ?? [];
  const properties = isRecord(node.properties) ? Object.entries(node.properties) : [];
  const inside = properties.flatMap(([name, schema]) =>
    isRecord(schema) && schema.required === true ? [name] : []
  );
  if (typeof value === "boolean") return inside;
  if (Array.isArray(value) && value.every((name) => typeof name === "string")) {
    return [...value, ...inside];
  }
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
