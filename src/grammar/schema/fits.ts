import { accepts } from "../regex/mod.ts";
import { arrayShape, itemSchemas } from "./arrays.ts";
import { conjunct, typeOf } from "./conjunct.ts";
import type { Context } from "./context.ts";
import { equal, type TypeName } from "./keywords.ts";
import { objectShape, propertySchemas } from "./objects.ts";
import { numberFits } from "./number_ranges.ts";
import { isRecord, type Schema, type SchemaNode } from "./schema.ts";
import { stringFits } from "./strings.ts";

/** True if a value is right by all of the schemas. */
export function fits(context: Context, schemas: readonly Schema[], value: unknown): boolean {
  return context.alternatives.of(schemas).some(({ nodes, unless }) =>
    fitsNodes(context, nodes, value) &&
    !unless.some((other) => fitsNodes(context, other.nodes, value))
  );
}

/** True if a value is right by all of the nodes, their combinators aside. */
export function fitsNodes(
  context: Context,
  nodes: readonly SchemaNode[],
  value: unknown,
): boolean {
  const { types, values } = conjunct(context, nodes);
  if (!hasType(types, value)) return false;
  if (values !== null && !values.some((one) => equal(one, value))) return false;
  if (typeof value === "string") return stringFits(context, nodes, value);
  if (typeof value === "number") return numberFits(context, nodes, value);
  if (Array.isArray(value)) return arrayFits(context, nodes, value);
  return !isRecord(value) || objectFits(context, nodes, value);
}

function hasType(types: ReadonlySet<TypeName>, value: unknown): boolean {
  return types.has(typeOf(value)) || (types.has("integer") && Number.isInteger(value));
}

function arrayFits(context: Context, nodes: readonly SchemaNode[], value: unknown[]): boolean {
  const { min, max, unique } = arrayShape(context, nodes);
  if (value.length < min || value.length > max) return false;
  const distinct = value.every((item, index) =>
    value.slice(index + 1).every((other) => !equal(item, other))
  );
  return (unique === undefined || distinct) &&
    value.every((item, index) => fits(context, itemSchemas(context, nodes, index), item));
}

function objectFits(
  context: Context,
  nodes: readonly SchemaNode[],
  value: Record<string, unknown>,
): boolean {
  const { required, min, max, allowed } = objectShape(context, nodes);
  const keys = Object.keys(value);
  return keys.length >= min && keys.length <= max &&
    [...required].every((name) => Object.hasOwn(value, name)) &&
    keys.every((name) =>
      (allowed === null || accepts(allowed, name)) &&
      fits(context, propertySchemas(context, nodes, name), value[name])
    );
}
