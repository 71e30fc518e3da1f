import * as z from "zod";

/** A schema whatever it is of. */
export type Schema = z.core.$ZodType;

/** What a schema is made of, told apart by its `type`. */
export type Definition = z.core.$ZodTypes["_zod"]["def"];

/** What a schema is made of. */
export function definitionOf(schema: Schema): Definition {
  return (schema as z.core.$ZodTypes)._zod.def;
}

/** What a schema wraps. */
export interface Unwrapped {
  readonly schema: Schema;
  /** Whether it may be absent. */
  readonly optional: boolean;
  /** What stands for it then, where that is told. */
  readonly fallback?: unknown;
}

/** A schema without what says that it may be absent or `null`. */
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
      default:
        return unwrapped;
    }
  }
}

/** The schemas a value may have: those of a union, of unions within it too, or the schema alone. */
export function alternatives(schema: Schema): Schema[] {
  const { schema: inner } = unwrap(schema);
  const definition = definitionOf(inner);
  return definition.type === "union" ? definition.options.flatMap(alternatives) : [inner];
}

/** What JSON Schema says of a value's size. */
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
  // A whole number's own bounds are those of JavaScript and say nothing.
  const [low, high] = [minimum, maximum].map((bound) =>
    bound === undefined || Math.abs(bound) === Number.MAX_SAFE_INTEGER ? undefined : bound
  );
  if (low !== undefined && high !== undefined) return `, ${low} to ${high}`;
  if (low !== undefined) return `, ${low} or more`;
  return high === undefined ? "" : `, ${high} or less`;
}

/** The most entries a list may have, where that is bounded. */
export function longest(schema: Schema): number | undefined {
  return boundsOf(schema).maxItems;
}

/** What a value may be, in words of Markdown: `number, 0 to 2`, `` `low` or `high` ``. */
export function describeValue(schema: Schema): string {
  const words = new Set(alternatives(schema).flatMap(wordsOf));
  return [...words].join(" or ");
}

function describeItems(items: readonly Schema[]): string {
  return [...new Set(items.map(describeValue))].join(" and ");
}

function plural(words: string): string {
  return words.replaceAll(/(?<!")\b(text|object|number|list)\b/g, "$1s");
}

function wordsOf(schema: Schema): string[] {
  const definition = definitionOf(schema);
  switch (definition.type) {
    case "string":
      return ["text"];
    case "number": {
      const bounds = boundsOf(schema);
      return [`${bounds.type === "integer" ? "whole number" : "number"}${range(bounds)}`];
    }
    case "boolean":
      return ["true or false"];
    case "literal":
      return definition.values.map((value) => `\`${JSON.stringify(value)}\``);
    case "enum":
      return Object.values(definition.entries).map((value) => `\`${JSON.stringify(value)}\``);
    case "array": {
      const most = longest(schema);
      const entries = plural(describeValue(definition.element));
      return [`list of ${most === undefined ? "" : `at most ${most} `}${entries}`];
    }
    case "tuple":
      return [`list of ${definition.items.length} ${plural(describeItems(definition.items))}`];
    case "object":
    case "record":
      return ["object"];
    case "unknown":
      return ["any JSON"];
    default:
      throw new TypeError(`Cannot describe a schema of type ${definition.type}: say how here`);
  }
}
