import type { Context } from "./context.ts";
import { readCount, readList, readSchemas, type Schema, type SchemaNode } from "../document/mod.ts";

/** A number of items that must be valid for a schema. */
export interface Contained {
  readonly node: SchemaNode;
  readonly schema: Schema;
  readonly min: number;
  readonly max: number;
}

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
  readonly contained: readonly Contained[];
}

export function arrayShape(context: Context, nodes: readonly SchemaNode[]): ArrayShape {
  return context.memoNodes(nodes, "array", () => readShape(context, nodes));
}

function readShape(context: Context, nodes: readonly SchemaNode[]): ArrayShape {
  const { document } = context;
  const counts = (key: string) => nodes.flatMap((node) => readCount(document, node, key) ?? []);
  const prefix = Math.max(0, ...nodes.map((node) => prefixItems(context, node).length));
  const contained = nodes.flatMap((node): Contained[] =>
    readSchemas(document, node, "contains").map((schema) => ({
      node,
      schema,
      min: readCount(document, node, "minContains") ?? 1,
      max: readCount(document, node, "maxContains") ?? Infinity,
    }))
  ).filter(({ min, max }) => min > 0 || max < Infinity);
  const min = Math.max(0, ...counts("minItems"), ...contained.map((one) => one.min));
  return {
    min,
    max: Math.min(Infinity, ...counts("maxItems")),
    prefix,
    open: prefix === 0 || prefix < min || contained.length > 0 ||
      nodes.some((node) =>
        node.items !== undefined && (!Array.isArray(node.items) || "additionalItems" in node)
      ),
    unique: nodes.find((node) => node.uniqueItems === true),
    contained,
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
    () => {
      const key = Array.isArray(node.items) ? "items" : "prefixItems";
      return Array.isArray(node.items) && node.items.length === 0
        ? []
        : readList(context.document, node, key);
    },
  );
}
