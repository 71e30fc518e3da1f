import type { Context } from "./context.ts";
import { readCount, readList, readSchemas } from "./keywords.ts";
import type { Schema, SchemaNode } from "./schema.ts";

/** What nodes together say of an array. */
export interface ArrayShape {
  readonly min: number;
  readonly max: number;
  /** How many items at the front have schemas of their own. */
  readonly prefix: number;
  /**
   * True if items may follow those. Where the schema lists the first ones and is silent on others,
   * none do, as with the properties of an object.
   */
  readonly open: boolean;
  /** The node that asks for unique items, if one does. */
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

/** The schemas that the item of this index must keep to. */
export function itemSchemas(
  context: Context,
  nodes: readonly SchemaNode[],
  index: number,
): Schema[] {
  return nodes.flatMap((node) => {
    const prefix = prefixItems(context, node);
    const own = prefix[index];
    if (own !== undefined) return [own];
    // Before draft 2020-12 a list of schemas stood in items, and the others' in additionalItems.
    const key = Array.isArray(node.items) ? "additionalItems" : "items";
    return readSchemas(context.document, node, key);
  });
}

function prefixItems(context: Context, node: SchemaNode): readonly Schema[] {
  return context.part(
    node,
    "prefixItems",
    () => readList(context.document, node, Array.isArray(node.items) ? "items" : "prefixItems"),
  );
}
