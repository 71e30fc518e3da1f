import * as z from "zod";

/** A schema of any type. */
export type Schema = z.core.$ZodType;

/** The definition of a schema, discriminated by its `type`. */
export type Definition = z.core.$ZodTypes["_zod"]["def"];

/** The definition of a schema. */
export function definitionOf(schema: Schema): Definition {
  return (schema as z.core.$ZodTypes)._zod.def;
}

/** The schema inside of `optional`, `nullable`, `default` and before a transformation. */
export interface Unwrapped {
  readonly schema: Schema;
  /** The value may be absent. */
  readonly optional: boolean;
  /** The default value, where the schema has one. */
  readonly fallback?: unknown;
}

/** Removes `optional`, `nullable`, `default` and transformations from a schema. */
export function unwrap(schema: Schema): Unwrapped {
  let unwrapped: Unwrapped = { schema, optional: false };
  for (;;) {
    const definition = definitionOf(unwrapped.schema);
    switch (definition.type) {
      case "optional":
      case "nullable":
        unwrapped = { ...unwrapped, schema: definition.innerType, optional: true };
        break;
      case "default":
        unwrapped = {
          schema: definition.innerType,
          optional: true,
          fallback: definition.defaultValue,
        };
        break;
      case "pipe":
        unwrapped = { ...unwrapped, schema: definition.in };
        break;
      default:
        return unwrapped;
    }
  }
}

/** The members of a union, including nested unions, or the schema alone. */
export function alternatives(schema: Schema): Schema[] {
  const { schema: inner } = unwrap(schema);
  const definition = definitionOf(inner);
  return definition.type === "union" ? definition.options.flatMap(alternatives) : [inner];
}

/** Limits of a value, as JSON Schema names them. */
interface Bounds {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
}

function boundsOf(schema: Schema): Bounds {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Bounds;
}

function range({ minimum, maximum }: Bounds): string {
  // Zod gives every integer JavaScript's safe range as its limits: these are no limits of the field.
  const [low, high] = [minimum, maximum].map((bound) =>
    bound === undefined || Math.abs(bound) === Number.MAX_SAFE_INTEGER ? undefined : bound
  );
  if (low !== undefined && high !== undefined) return `, ${low} to ${high}`;
  if (low !== undefined) return `, ${low} or more`;
  return high === undefined ? "" : `, ${high} or less`;
}

/** The maximum number of array items, where the schema has one. */
export function longest(schema: Schema): number | undefined {
  return boundsOf(schema).maxItems;
}

/** The allowed values, as Markdown: `number, 0 to 2`, `` `low` or `high` ``. */
export function describeValue(schema: Schema): string {
  const words = new Set(alternatives(schema).flatMap(wordsOf));
  return [...words].join(" or ");
}

function describeItems(items: readonly Schema[]): string {
  return [...new Set(items.map(describeValue))].join(" and ");
}

function plural(words: string): string {
  return words.replaceAll(/(?<!")\b(string|object|number|integer|boolean|array)\b/g, "$1s");
}

function wordsOf(schema: Schema): string[] {
  const definition = definitionOf(schema);
  switch (definition.type) {
    case "string":
      return ["string"];
    case "number": {
      const bounds = boundsOf(schema);
      return [`${bounds.type === "integer" ? "integer" : "number"}${range(bounds)}`];
    }
    case "boolean":
      return ["boolean"];
    case "literal":
      return definition.values.map((value) => `\`${JSON.stringify(value)}\``);
    case "enum":
      return Object.values(definition.entries).map((value) => `\`${JSON.stringify(value)}\``);
    case "array": {
      const most = longest(schema);
      const entries = plural(describeValue(definition.element));
      return [`array of ${most === undefined ? "" : `at most ${most} `}${entries}`];
    }
    case "tuple":
      return [`array of ${definition.items.length} ${plural(describeItems(definition.items))}`];
    case "object":
    case "record":
      return ["object"];
    case "unknown":
      return ["any JSON"];
    default:
      throw new TypeError(
        `Cannot describe a schema of type ${definition.type}: add a case for it here`,
      );
  }
}
