import type { Alternative } from "../expansion/mod.ts";
import { accepts } from "../regex/mod.ts";
import { arrayShape, itemSchemas } from "./arrays.ts";
import { typeConstraint, typeOf } from "./type_constraint.ts";
import type { Context } from "./context.ts";
import { equal, isRecord, type Schema, type SchemaNode, type TypeName } from "../document/mod.ts";
import { objectShape, propertySchemas } from "./objects.ts";
import { isValidNumber } from "./number_ranges.ts";
import { isValidString } from "./strings.ts";

/** True if a value is valid for all of the schemas. */
export function isValid(context: Context, schemas: readonly Schema[], value: unknown): boolean {
  return context.combinators.expand(schemas).some((one) => satisfies(context, one, value));
}

/** True if a value is valid for an alternative. */
export function satisfies(context: Context, alternative: Alternative, value: unknown): boolean {
  return satisfiesNodes(context, alternative.nodes, value) &&
    !alternative.excluded.some((other) => satisfies(context, other, value));
}

/** The values that are valid for all of the schemas; null if these do not list them. */
export function listedValues(context: Context, schemas: readonly Schema[]): unknown[] | null {
  const found: unknown[] = [];
  for (const alternative of context.combinators.expand(schemas)) {
    const { values, types } = typeConstraint(context, alternative.nodes);
    const finite = [...types].every((type) => type === "null" || type === "boolean");
    if (values === null && !finite) return null;
    found.push(
      ...(values ?? [null, true, false]).filter((value) => satisfies(context, alternative, value)),
    );
  }
  return found;
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

/** True for a value of a type. Integers are numbers. */
export function isOfType(value: unknown, type: TypeName): boolean {
  return hasType(new Set([type]), value);
}

function hasType(types: ReadonlySet<TypeName>, value: unknown): boolean {
  return types.has(typeOf(value)) || (types.has("integer") && Number.isInteger(value));
}

function isValidArray(context: Context, nodes: readonly SchemaNode[], value: unknown[]): boolean {
  const { min, max, unique, contained } = arrayShape(context, nodes);
  if (value.length < min || value.length > max) return false;
  const distinct = value.every((item, index) =>
    value.slice(index + 1).every((other) => !equal(item, other))
  );
  const holds = contained.every(({ schema, min, max }) => {
    const count = value.filter((item) => isValid(context, [schema], item)).length;
    return count >= min && count <= max;
  });
  return (unique === undefined || distinct) && holds &&
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
