import * as fc from "test:fast-check";

/** A value of JSON. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A change of a value of JSON. Its place is the number of a node in depth-first order, and wraps around. */
export type JsonEdit =
  & { readonly at: number }
  & (
    | { readonly op: "replace"; readonly value: Json }
    | { readonly op: "delete" }
    /** Copies another node to the place. */
    | { readonly op: "copy"; readonly from: number }
    /** Gives the node, a member of an object, another name. */
    | { readonly op: "rename"; readonly key: string }
    /** Adds a member to the node or, if it is no object, to an object around it. */
    | { readonly op: "add"; readonly key: string; readonly value: Json }
    /** Nests the node in lists, or in objects with a key. */
    | { readonly op: "nest"; readonly depth: number; readonly key: string | null }
    /** Makes a list of the node, or a longer text of a text. */
    | { readonly op: "repeat"; readonly times: number }
  );

/** A place of a value. */
interface Place {
  readonly parent: { [key: string]: Json } | Json[] | null;
  readonly key: string | number;
}

/** Applies edits in their order to a copy of a value. */
export function editJson(value: Json, edits: readonly JsonEdit[]): Json {
  const root: { [key: string]: Json } = { value: copyOf(value) };
  for (const edit of edits) applyEdit(root, edit);
  return root["value"] ?? null;
}

/** All places, the root first. Deeply nested values are not followed: their text is what matters. */
function placesOf(root: { [key: string]: Json }): Place[] {
  const places: Place[] = [];
  const visit = (place: Place, depth: number) => {
    places.push(place);
    const value = valueAt(place);
    if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return;
    if (places.length > MAX_PLACES) return;
    const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
    for (const key of keys) visit({ parent: value, key }, depth + 1);
  };
  visit({ parent: root, key: "value" }, 0);
  return places;
}

const MAX_DEPTH = 40;
const MAX_PLACES = 2_000;
/** Levels that edits make; `JSON.stringify` is recursive. */
const MAX_NESTED = 2_000;
/** Characters of a value as JSON that edits make. */
const MAX_SIZE = 2_000_000;

function valueAt({ parent, key }: Place): Json {
  return (parent as Record<string | number, Json>)[key] ?? null;
}

function set({ parent, key }: Place, value: Json): void {
  // A member `__proto__` must be one, as `JSON.parse` makes it.
  Object.defineProperty(parent, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

function applyEdit(root: { [key: string]: Json }, edit: JsonEdit): void {
  const places = placesOf(root);
  const place = places[edit.at % places.length]!;
  const value = valueAt(place);
  const room = MAX_SIZE - sizeOf(root);
  switch (edit.op) {
    case "replace":
      return set(place, copyOf(edit.value));
    case "delete":
      if (Array.isArray(place.parent)) place.parent.splice(Number(place.key), 1);
      else if (place.parent !== root) delete place.parent![place.key];
      return;
    case "copy": {
      const other = valueAt(places[edit.from % places.length]!);
      return sizeOf(other) < room ? set(place, copyOf(other)) : undefined;
    }
    case "rename":
      if (Array.isArray(place.parent) || place.parent === root) return;
      delete place.parent![place.key];
      return set({ parent: place.parent, key: edit.key }, value);
    case "add": {
      const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
      const parent = isObject ? value : { value };
      set({ parent, key: edit.key }, copyOf(edit.value));
      return set(place, parent);
    }
    case "nest":
      return set(place, nested(value, edit.key, Math.min(edit.depth, MAX_NESTED - depthOf(root))));
    case "repeat":
      return set(place, repeated(value, edit.times, room));
  }
}

function nested(value: Json, key: string | null, depth: number): Json {
  for (let left = depth; left > 0; left--) value = key === null ? [value] : { [key]: value };
  return value;
}

/** The levels of a value, which can be more than a recursive function can visit. */
function depthOf(value: Json): number {
  let depth = 0;
  for (let level: Json[] = [value]; level.length > 0; depth++) {
    level = level.flatMap((one) =>
      typeof one === "object" && one !== null ? Object.values(one) : []
    );
  }
  return depth;
}

function copyOf<T extends Json>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}

function repeated(value: Json, times: number, room: number): Json {
  const count = Math.max(0, Math.min(times, Math.floor(room / sizeOf(value))));
  if (typeof value === "string") return value.repeat(count);
  return Array.from({ length: count }, () => copyOf(value));
}

/** Characters of a value as JSON, and of a separator. */
function sizeOf(value: Json): number {
  return JSON.stringify(value).length + 1;
}

/** Values that are often handled wrongly. */
export const VALUES: readonly Json[] = [
  ...[
    null,
    true,
    false,
    "",
    " ",
    "a",
    "0",
    "-1",
    "null",
    "\u0000",
    "\ud800",
    "\u{1f600}",
    "<|im_end|>",
    "constructor",
    "__proto__",
  ],
  ...[0, 1, -1, 0.5, -0.5, 2, 7, 128, 256, 1e20, 1e-20, 1e308, -1e308, 5e-324],
  ...[31, 32, 53, 63, 64].flatMap((bits) => [2 ** bits - 1, 2 ** bits, -(2 ** bits)]),
  ...[[], {}, [null], [[]], [{}], { "": "" }, { a: {} }, [""], [0], [1e20], ["\ud800"]],
];

/**
 * Edits of values of a language.
 *
 * @param keys Names of members that have a meaning.
 * @param values Values that have a meaning, such as members of enumerations.
 */
export function jsonEdits(
  keys: readonly string[],
  values: readonly Json[] = [],
  most = 4,
): fc.Arbitrary<JsonEdit[]> {
  const at = fc.nat(200);
  const key = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...keys) },
    { weight: 1, arbitrary: fc.constantFrom("", "__proto__", "constructor", "toString", "\u0000") },
  );
  const value = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...VALUES, ...values) },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json> },
  );
  const edit = <T extends string, R extends object>(
    op: T,
    rest: { [K in keyof R]: fc.Arbitrary<R[K]> },
  ) => fc.record({ op: fc.constant(op), at, ...rest }, { noNullPrototype: true });
  const count = fc.oneof(fc.nat(40), fc.constantFrom(255, 256, 513, 5_000));
  return fc.array(
    fc.oneof(
      { weight: 8, arbitrary: edit("replace", { value }) },
      { weight: 2, arbitrary: edit("delete", {}) },
      { weight: 2, arbitrary: edit("copy", { from: at }) },
      { weight: 1, arbitrary: edit("rename", { key }) },
      { weight: 5, arbitrary: edit("add", { key, value }) },
      { weight: 1, arbitrary: edit("nest", { depth: count, key: fc.option(key) }) },
      {
        weight: 1,
        arbitrary: edit("repeat", { times: fc.oneof(count, fc.constantFrom(20_000, 100_000)) }),
      },
    ) as fc.Arbitrary<JsonEdit>,
    { maxLength: most },
  );
}
