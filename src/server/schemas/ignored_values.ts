import * as z from "zod";

/** The description of a field that has no effect with any value begins with this. */
export const ANY_VALUE = "Ignored: ";

/** The description of a field that has no effect and accepts only the listed values begins with this. */
const LISTED_VALUES = "Accepted; ";

/**
 * A field that has no effect. The schema lists the values that describe what the server does; other
 * values are ignored too, except in strict mode.
 */
export function ignored<T extends z.ZodType>(schema: T, reason: string) {
  return schema.nullish().describe(`${ANY_VALUE}${reason}`);
}

/**
 * The fields of a schema that have no effect, by name. A field is one of them if every variant of its
 * object describes it so.
 */
interface FieldTree {
  /** `ignored` accepts any value, `accepted` the values of the schema; neither has an effect. */
  readonly effect: "ignored" | "accepted" | "supported";
  readonly fields: ReadonlyMap<string, FieldTree>;
  readonly items: FieldTree | null;
}

const LEAF: FieldTree = { effect: "supported", fields: new Map(), items: null };

const trees = new WeakMap<z.core.$ZodType, FieldTree>();

/** Reports every field of a value that is set and has no effect. */
export function visitIgnored(
  schema: z.ZodType,
  value: unknown,
  report: (path: readonly PropertyKey[]) => void,
): void {
  visit(treeOf(schema), value, [], report);
}

/** The path of the field at or above `path` that accepts any value; null: there is none. */
export function ignoredAt(
  schema: z.ZodType,
  path: readonly PropertyKey[],
): readonly PropertyKey[] | null {
  let tree: FieldTree | null | undefined = treeOf(schema);
  for (const [index, key] of path.entries()) {
    tree = typeof key === "number" ? tree.items : tree.fields.get(String(key));
    if (!tree) return null;
    if (tree.effect === "ignored") return path.slice(0, index + 1);
  }
  return null;
}

/** The names of the fields that a schema has at a path, of all variants. */
export function fieldNamesAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let tree: FieldTree | null | undefined = read(schema);
  for (const key of path) {
    tree = typeof key === "number" ? tree.items : tree.fields.get(String(key));
    if (!tree) return [];
  }
  return [...tree.fields.keys()];
}

function visit(
  tree: FieldTree,
  value: unknown,
  path: readonly PropertyKey[],
  report: (path: readonly PropertyKey[]) => void,
): void {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    const { items } = tree;
    if (items === null) return;
    const inner = [...path, 0];
    for (const item of value) visit(items, item, inner, report);
    return;
  }
  for (const [name, field] of tree.fields) {
    if (!Object.hasOwn(value, name)) continue;
    const inner = (value as Record<string, unknown>)[name];
    if (inner === null || inner === undefined) continue;
    if (field.effect === "supported") visit(field, inner, [...path, name], report);
    else report([...path, name]);
  }
}

/** The tree of a schema without the branches in which every field has an effect. */
function treeOf(schema: z.core.$ZodType): FieldTree {
  const known = trees.get(schema);
  if (known !== undefined) return known;
  const tree = pruned(read(schema));
  trees.set(schema, tree);
  return tree;
}

function read(schema: z.core.$ZodType): FieldTree {
  const tree = readInner(schema);
  const description = z.globalRegistry.get(schema)?.description ?? "";
  if (description.startsWith(ANY_VALUE)) return { ...tree, effect: "ignored" };
  return description.startsWith(LISTED_VALUES) ? { ...tree, effect: "accepted" } : tree;
}

function readInner(schema: z.core.$ZodType): FieldTree {
  const definition = (schema as z.core.$ZodTypes)._zod.def;
  switch (definition.type) {
    case "optional":
    case "nullable":
    case "default":
      return read(definition.innerType);
    case "union":
      return definition.options.map(read).reduce(merged);
    case "array":
      return { ...LEAF, items: read(definition.element) };
    case "object": {
      const fields = Object.entries(definition.shape)
        .map(([name, field]) => [name, read(field)] as const);
      return { ...LEAF, fields: new Map(fields) };
    }
    default:
      return LEAF;
  }
}

function merged(a: FieldTree, b: FieldTree): FieldTree {
  const fields = new Map(a.fields);
  for (const [name, field] of b.fields) {
    const other = fields.get(name);
    fields.set(name, other === undefined ? field : merged(other, field));
  }
  const effects = [a.effect, b.effect];
  const effect = (["supported", "accepted"] as const).find((one) => effects.includes(one));
  const items = a.items !== null && b.items !== null ? merged(a.items, b.items) : null;
  return { effect: effect ?? "ignored", fields, items: items ?? a.items ?? b.items };
}

function pruned({ effect, fields, items }: FieldTree): FieldTree {
  const kept = [...fields].map(([name, field]) => [name, pruned(field)] as const)
    .filter(([, field]) => !isPlain(field));
  const inner = items === null ? null : pruned(items);
  return { effect, fields: new Map(kept), items: inner === null || isPlain(inner) ? null : inner };
}

function isPlain({ effect, fields, items }: FieldTree): boolean {
  return effect === "supported" && fields.size === 0 && items === null;
}
