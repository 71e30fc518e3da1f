import { accepts } from "../regex/mod.ts";
import { arrayShape, itemSchemas } from "./arrays.ts";
import { typeConstraint, typeOf } from "./type_constraint.ts";
import type { Context } from "./context.ts";
import { equal, type TypeName } from "./keywords.ts";
import { objectShape, propertySchemas } from "./objects.ts";
import { isValidNumber } from "./number_ranges.ts";
import { isRecord, type Schema, type SchemaNode } from "./schema.ts";
import { isValidString } from "./strings.ts";

/** True if a value is valid for all of the schemas. */
export function isValid(context: Context, schemas: readonly Schema[], value: unknown): boolean {
  return context.combinators.expand(schemas).some(({ nodes, excluded }) =>
    satisfiesNodes(context, nodes, value) &&
    !excluded.some((other) => satisfiesNodes(context, other.nodes, value))
  );
}

/** True if a value is valid for all of the nodes, without their combinators. */
export function satisfiesNodes(
  context: Context,
  nodes: readonly SchemaNode[],
  value: unknown,
): boolean {
  const { types, values } = typeConstraint(context, nodes);
  if (!hasType(types, value)) return false;
  if (values !== null && !values.some((one) => equal(one, value))) return false;
  if (typeof value === "string") return isValidString(context, nodes, value);
  if (typeof value === "number") return isValidNumber(context, nodes, value);
  if (Array.isArray(value)) return isValidArray(context, nodes, value);
  return !isRecord(value) || isValidObject(context, nodes, value);
}

function hasType(types: ReadonlySet<TypeName>, value: unknown): boolean {
  return types.has(typeOf(value)) || (types.has("integer") && Number.isInteger(value));
}

function isValidArray(context: Context, nodes: readonly SchemaNode[], value: unknown[]): boolean {
  const { min, max, unique } = arrayShape(context, nodes);
  if (value.length < min || value.length > max) return false;
  const distinct = value.every((item, index) =>
    value.slice(index + 1).every((other) => !equal(item, other))
  );
  return (unique === undefined || distinct) &&
    value.every((item, index) => isValid(context, itemSchemas(context, nodes, index), item));
}

function isValidObject(
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
      isValid(context, propertySchemas(context, nodes, name), value[name])
    );
}
