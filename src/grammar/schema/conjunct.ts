import type { Context } from "./context.ts";
import { formatRange, FORMATS } from "./formats.ts";
import {
  equal,
  readString,
  readTypes,
  readValues,
  TYPE_OF_KEYWORD,
  type TypeName,
  TYPES,
} from "./keywords.ts";
import type { SchemaNode } from "./schema.ts";

/** What several nodes together say of a value's type, or of the value itself. */
export interface Conjunct {
  readonly nodes: readonly SchemaNode[];
  /** Types that are right; `integer` stands beside `number` only where `number` is not. */
  readonly types: ReadonlySet<TypeName>;
  /**
   * Types to write: where nothing names a type, those that the other keywords speak of. A schema
   * with `properties` alone means an object, though every string would pass it.
   */
  readonly meant: ReadonlySet<TypeName>;
  /** The values that are right, where they are listed. */
  readonly values: readonly unknown[] | null;
}

/** Merges what nodes say of types and values. */
export function conjunct(context: Context, nodes: readonly SchemaNode[]): Conjunct {
  return context.merged(nodes, "conjunct", () => merge(context, nodes));
}

function merge(context: Context, nodes: readonly SchemaNode[]): Conjunct {
  const { document } = context;
  let types: ReadonlySet<TypeName> = ALL_TYPES;
  let values: readonly unknown[] | null = null;
  let named = false;
  for (const node of nodes) {
    const own = context.part(node, "type", () => readTypes(document, node));
    if (own !== undefined) {
      named = true;
      types = bothTypes(types, own);
    }
    const listed = readValues(document, node);
    if (listed !== undefined) {
      values = values === null
        ? listed
        : values.filter((value) => listed.some((other) => equal(value, other)));
    }
  }
  const implied = new Set(nodes.flatMap((node) => impliedTypes(context, node)));
  const meant = named || implied.size === 0 ? types : implied;
  return { nodes, types, meant, values };
}

const ALL_TYPES: ReadonlySet<TypeName> = new Set(TYPES.filter((type) => type !== "integer"));

function bothTypes(a: ReadonlySet<TypeName>, b: readonly TypeName[]): ReadonlySet<TypeName> {
  const result = new Set([...a].filter((type) => b.includes(type)));
  const integers = (a.has("number") && b.includes("integer")) ||
    (a.has("integer") && b.includes("number"));
  if (integers && !result.has("number")) result.add("integer");
  if (result.has("number")) result.delete("integer");
  return result;
}

function impliedTypes(context: Context, node: SchemaNode): TypeName[] {
  const implied = Object.keys(node).flatMap((key) => TYPE_OF_KEYWORD[key] ?? []);
  const format = readFormat(context, node);
  if (format !== undefined) implied.push(formatRange(format) === null ? "string" : "number");
  return implied;
}

/** A node's format; undefined where it has none. */
export function readFormat(context: Context, node: SchemaNode): string | undefined {
  const format = readString(context.document, node, "format");
  if (format === undefined || FORMATS.includes(format)) return format;
  throw context.document.refuse(
    node,
    "format",
    `"${format}" is not among the formats known here (${FORMATS.join(", ")})`,
  );
}

/** The type of a JSON value; integers are numbers. */
export function typeOf(value: unknown): TypeName {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  const type = typeof value;
  return type === "boolean" || type === "string" || type === "number" ? type : "object";
}
