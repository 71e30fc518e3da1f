import { LISTS, MAPS, SINGLE } from "./subschemas.ts";

/** Keywords whose value is any JSON value, also null. */
const VALUES = ["const", "default", "example", "examples"];

type Json = Readonly<Record<string, unknown>>;

/**
 * A schema without keywords that are null: programs in Go and other languages write an absent list or
 * object so. A property or branch that is null does not restrict its value. Returns the same object if
 * there is nothing to leave out.
 */
export function withoutNulls(schema: unknown): unknown {
  if (!isJson(schema)) return schema;
  return changed(schema, (key, value) => {
    if (VALUES.includes(key)) return value;
    if (value === null) return undefined;
    if (key === "type" && Array.isArray(value)) return replaced(value, (type) => type ?? "null");
    if (MAPS.includes(key) && isJson(value)) return changed(value, (_, inner) => inSchema(inner));
    if (LISTS.includes(key) && Array.isArray(value)) return replaced(value, inSchema);
    return SINGLE.includes(key) ? withoutNulls(value) : value;
  });
}

/** A schema inside of another, where null takes the place of a schema. */
function inSchema(schema: unknown): unknown {
  return schema === null ? {} : withoutNulls(schema);
}

/** An object with other values, without those that become undefined; the same object if none changes. */
function changed(object: Json, change: (key: string, value: unknown) => unknown): Json {
  const entries = Object.entries(object).map(([key, value]) => [key, change(key, value)] as const);
  if (entries.every(([key, value]) => value === object[key])) return object;
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** A list with other items; the same list if none changes. */
function replaced(
  list: readonly unknown[],
  change: (item: unknown) => unknown,
): readonly unknown[] {
  const items = list.map(change);
  return items.every((item, index) => item === list[index]) ? list : items;
}

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
