import type { Context } from "./context.ts";
import { readCount, readList, readSchemas } from "./keywords.ts";
import type { Schema, SchemaNode } from "./schema.ts";

/** Combined array constraints of several nodes. */
export interface ArrayShape {
  readonly min: number;
  readonly max: number;
  /** Number of leading items with their own schemas. */
  readonly prefix: number;
  /**
   * True if further items are allowed. If the schema lists the first items and does not mention
   * others, none are allowed, as with the properties of an object.
   */
  readonly open: boolean;
  /** The node that requires unique items, if there is one. */
  readonly unique: SchemaNode | undefined;
}

export function arrayShape(context: Context, nodes: readonly SchemaNode[]): ArrayShape {
  const { document } = context;
  const counts = (key: string) => nodes.flatMap((node) => readCount(document, node, key) ?? []);
  const min = Math.max(0, ...counts("minItems"));
  const prefix = Math.max(0, ...nodes.map((node) => prefixItems(context, node).length));
  return {
    min,
    max: Math.min(Infinity, ...counts("maxItems")),
    prefix,
    open: prefix === 0 || prefix < min ||
      nodes.some((node) =>
        node.items !== undefined && (!Array.isArray(node.items) || "additionalItems" in node)
      ),
    unique: nodes.find((node) => node.uniqueItems === true),
  };
}

/** The schemas of the item at an index. */
export function itemSchemas(
  context: Context,
  nodes: readonly SchemaNode[],
  index: number,
): Schema[] {
  return nodes.flatMap((node) => {
    const prefix = prefixItems(context, node);
    const own = prefix[index];
    if (own !== undefined) return [own];
    // Before draft 2020-12, a list of schemas was in `items` and the schema of further items in
    // `additionalItems`.
    const key = Array.isArray(node.items) ? "additionalItems" : "items";
    return readSchemas(context.document, node, key);
  });
}

function prefixItems(context: Context, node: SchemaNode): readonly Schema[] {
  return context.memoNode(
    node,
    "prefixItems",
    () => readList(context.document, node, Array.isArray(node.items) ? "items" : "prefixItems"),
  );
}
