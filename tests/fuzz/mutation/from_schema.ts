import * as fc from "test:fast-check";
import type { Json } from "./json_edits.ts";

/** A JSON Schema, as `z.toJSONSchema` writes it. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

/** Texts for members whose name tells what they mean; a random text would be refused at once. */
export type KnownValues = Readonly<Record<string, readonly Json[]>>;

/** Optional members of an object, at most: many together are refused more often than handled. */
const MOST_OPTIONAL = 4;
const MOST_ITEMS = 3;
const MOST_DEPTH = 6;

/**
 * Values that a schema allows, but for rules that span several members.
 *
 * @param known Values by the name of a member.
 */
export function valuesOf(schema: Schema, known: KnownValues = {}): fc.Arbitrary<Json> {
  const build = (part: unknown, name: string, depth: number): fc.Arbitrary<Json> => {
    if (Object.hasOwn(known, name)) return fc.constantFrom(...known[name]!);
    if (typeof part !== "object" || part === null) {
      return fc.jsonValue({ maxDepth: 1 }) as fc.Arbitrary<Json>;
    }
    if (depth > MOST_DEPTH) return fc.constant(smallest(schema, part as Schema));
    const { $ref, const: only, enum: values, anyOf, oneOf, allOf, type } = part as Schema;
    if (typeof $ref === "string") return build(resolve(schema, $ref), name, depth + 1);
    if (only !== undefined) return fc.constant(only as Json);
    if (Array.isArray(values)) return fc.constantFrom(...values as Json[]);
    const members = anyOf ?? oneOf;
    if (Array.isArray(members)) return fc.oneof(...members.map((one) => build(one, name, depth)));
    if (Array.isArray(allOf)) return build(Object.assign({}, ...allOf), name, depth);
    if (Array.isArray(type)) {
      return fc.oneof(...type.map((one) => build({ ...part, type: one }, name, depth)));
    }
    return ofType(part as Schema, type, (inner, key = "") => build(inner, key, depth + 1));
  };
  return build(schema, "", 0);
}

/** Resolves a reference inside of a schema, such as `#/$defs/a`. */
function resolve(schema: Schema, reference: string): unknown {
  const keys = reference.replace(/^#\/?/, "").split("/").filter((key) => key !== "");
  return keys.reduce<unknown>((at, key) => (at as Schema | undefined)?.[key], schema);
}

/** Ends a value that could nest without end. */
function smallest(schema: Schema, part: Schema): Json {
  const { $ref } = part;
  const { type } = typeof $ref === "string" ? resolve(schema, $ref) as Schema : part;
  if (type === "object") return {};
  if (type === "array") return [];
  return type === "string" ? "" : null;
}

type Build = (schema: unknown, name?: string) => fc.Arbitrary<Json>;

function ofType(schema: Schema, type: unknown, build: Build): fc.Arbitrary<Json> {
  switch (type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
      return fc.integer(range(schema));
    case "number":
      return fc.double({ ...range(schema), noNaN: true, noDefaultInfinity: true });
    case "string":
      return fc.string({ minLength: Number(schema["minLength"] ?? 0), maxLength: 12 });
    case "array":
      return ofList(schema, build);
    case "object":
      return ofObject(schema, build);
    default:
      return fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>;
  }
}

/** Small numbers: those at the limits come from edits. */
function range(
  { minimum, exclusiveMinimum, maximum, exclusiveMaximum }: Schema,
): { min: number; max: number } {
  const highest = Number(maximum ?? exclusiveMaximum ?? 40);
  const min = Math.min(Math.max(Number(minimum ?? exclusiveMinimum ?? -2), -2), highest);
  return { min, max: Math.max(min, Math.min(highest, min + 40)) };
}

function ofList({ prefixItems, items, minItems, maxItems }: Schema, build: Build) {
  if (Array.isArray(prefixItems)) return fc.tuple(...prefixItems.map((one) => build(one)));
  const minLength = Math.min(Number(minItems ?? 0), 1_000);
  const maxLength = Math.max(minLength, Math.min(Number(maxItems ?? MOST_ITEMS), MOST_ITEMS));
  return fc.array(build(items ?? {}), { minLength, maxLength });
}

function ofObject(
  { properties = {}, required = [], additionalProperties }: Schema,
  build: Build,
): fc.Arbitrary<Json> {
  const all = properties as Record<string, unknown>;
  const needed = required as readonly string[];
  const optional = Object.keys(all).filter((key) => !needed.includes(key));
  const isMap = typeof additionalProperties === "object" && Object.keys(all).length === 0;
  if (isMap) return fc.dictionary(fc.string({ maxLength: 4 }), build(additionalProperties), MAP);
  return fc.subarray(optional, { maxLength: Math.min(MOST_OPTIONAL, optional.length) })
    .chain((chosen) =>
      fc.record(
        Object.fromEntries([...needed, ...chosen].map((key) => [key, build(all[key], key)])),
        { noNullPrototype: true },
      )
    );
}

const MAP = { maxKeys: MOST_ITEMS, noNullPrototype: true } as const;
