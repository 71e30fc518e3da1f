import {
  isRecord,
  readList,
  readSchemas,
  type Schema,
  type SchemaDocument,
  type SchemaNode,
} from "../document/mod.ts";

/**
 * `unevaluatedProperties` and `unevaluatedItems` of a node as plain keywords, for one alternative of
 * the node. All members that the alternative's nodes mention are evaluated.
 *
 * Items that `contains` matches are not counted as evaluated, and members that another branch of
 * `anyOf` evaluates are not allowed: the result is narrower.
 */
export function unevaluatedRules(
  document: SchemaDocument,
  node: SchemaNode,
  nodes: readonly SchemaNode[],
): Schema[] {
  const key = nodes.map((one) => document.idOf(one)).join();
  const rules: Schema[] = [];
  for (const rest of readSchemas(document, node, "unevaluatedProperties")) {
    const all = nodes.some((one) =>
      "additionalProperties" in one && one.additionalProperties !== false
    );
    // With `additionalProperties: false`, nothing is left to evaluate.
    if (rest === true || all) continue;
    const names = nodes.flatMap((one) =>
      isRecord(one.properties) ? Object.keys(one.properties) : []
    );
    const patterns = nodes.flatMap((one) =>
      isRecord(one.patternProperties) ? Object.keys(one.patternProperties) : []
    );
    rules.push(document.derive(node, "unevaluatedProperties", key, () => ({
      properties: Object.fromEntries(names.map((name) => [name, true])),
      patternProperties: Object.fromEntries(patterns.map((pattern) => [pattern, true])),
      additionalProperties: rest,
    })));
  }
  for (const rest of readSchemas(document, node, "unevaluatedItems")) {
    const all = nodes.some((one) =>
      Array.isArray(one.items)
        ? "additionalItems" in one && one.additionalItems !== false
        : one.items !== undefined && one.items !== false
    );
    if (rest === true || all) continue;
    const count = Math.max(
      0,
      ...nodes.map((one) =>
        readList(document, one, Array.isArray(one.items) ? "items" : "prefixItems").length
      ),
    );
    rules.push(document.derive(node, "unevaluatedItems", key, () => ({
      ...(count === 0 ? {} : { prefixItems: Array.from({ length: count }, () => true) }),
      items: rest,
    })));
  }
  return rules;
}
