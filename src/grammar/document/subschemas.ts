/** Keywords whose value is a schema. */
export const SINGLE: readonly string[] = [
  "items",
  "additionalItems",
  "additionalProperties",
  "propertyNames",
  "contains",
  "not",
  "if",
  "then",
  "else",
  "unevaluatedItems",
  "unevaluatedProperties",
];

/** Keywords whose value is a list of schemas. */
export const LISTS: readonly string[] = ["allOf", "anyOf", "oneOf", "prefixItems", "items"];

/** Keywords whose value has schemas by name. */
export const MAPS: readonly string[] = [
  "properties",
  "patternProperties",
  "$defs",
  "definitions",
  "dependentSchemas",
  "dependencies",
];
