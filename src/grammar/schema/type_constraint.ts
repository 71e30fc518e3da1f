import { ownMember } from "../../own_member.ts";
import type { Context } from "./context.ts";
import { formatRange, FORMATS } from "./formats.ts";
import {
  equal,
  readString,
  readTypes,
  readValues,
  type SchemaNode,
  TYPE_OF_KEYWORD,
  type TypeName,
  TYPES,
} from "../document/mod.ts";

/** Combined constraints of several nodes on a value's type and on the value itself. */
export interface TypeConstraint {
  readonly nodes: readonly SchemaNode[];
  /** Allowed types. `integer` is present only if `number` is not. */
  readonly types: ReadonlySet<TypeName>;
  /**
   * Types that the grammar generates. If no node has `type`, these are the types of the other
   * keywords: a schema with only `properties` means an object, although every string is valid too.
   */
  readonly generatedTypes: ReadonlySet<TypeName>;
  /** The allowed values, or null if they are not listed. */
  readonly values: readonly unknown[] | null;
}

/** Combines the type and value constraints of nodes. */
export function typeConstraint(context: Context, nodes: readonly SchemaNode[]): TypeConstraint {
  return context.memoNodes(nodes, "type", () => merge(context, nodes));
}

function merge(context: Context, nodes: readonly SchemaNode[]): TypeConstraint {
  const { document } = context;
  let types: ReadonlySet<TypeName> = ALL_TYPES;
  let values: readonly unknown[] | null = null;
  let named = false;
  for (const node of nodes) {
    const own = context.memoNode(node, "type", () => readTypes(document, node));
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
  const generatedTypes = named || implied.size === 0 ? types : implied;
  return { nodes, types, generatedTypes, values };
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
  const implied = Object.keys(node).flatMap((key) =>
    // In draft 3, `required: true` belongs to a property of any type.
    key === "required" && typeof node.required === "boolean"
      ? []
      : ownMember(TYPE_OF_KEYWORD, key) ?? []
  );
  // A format without a type restricts strings, or numbers.
  const format = readFormat(context, node);
  if (format !== undefined) implied.push(formatRange(format) === null ? "string" : "number");
  return implied;
}

/** A node's format; undefined if it has none, or one that is not known. */
export function readFormat({ document }: Context, node: SchemaNode): string | undefined {
  const format = readString(document, node, "format");
  if (format === undefined || FORMATS.includes(format)) return format;
  if (document.isStrict) throw document.unsupported(node, "format", `"${format}" is not known`);
  document.ignore(node, `format "${format}"`);
  return undefined;
}

/** The type of a JSON value. Integers are numbers. */
export function typeOf(value: unknown): TypeName {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  const type = typeof value;
  return type === "boolean" || type === "string" || type === "number" ? type : "object";
}
