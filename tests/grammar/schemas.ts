/** Random schemas, each with a generator of valid values. */
import type { Random } from "./random.ts";

export interface Sample {
  readonly schema: Record<string, unknown> | boolean;
  /** A valid value with properties in schema order. */
  readonly value: () => unknown;
}

const NAMES = [
  "name",
  "age",
  "na",
  "a",
  "b",
  "tags",
  "größe",
  "with space",
  'quo"te',
  "back\\slash",
  "$ref",
  "id",
  "x-y",
];
const PATTERNS: readonly (readonly [string, readonly string[]])[] = [
  ["^[a-z]{2,4}$", ["ab", "abcd"]],
  ["^(?:foo|bar)+$", ["foo", "barfoo"]],
  ["b", ["b", "abc"]],
  ["^\\d{3}-\\d{4}$", ["555-1234"]],
  ['^"\\\\?$', ['"', '"\\']],
  ["\\s$", ["x ", "tab\t"]],
  ["^[^a-c]*$", ["", "xyz\n", "日本"]],
  ["^\\p{Lu}\\p{Ll}+$", ["Äpfel", "Bob"]],
];
const FORMATS: readonly (readonly [string, readonly string[]])[] = [
  ["date", ["2024-02-29", "1999-12-31"]],
  ["time", ["23:59:59Z", "01:02:03.5+05:30"]],
  ["date-time", ["2024-02-29T12:00:00Z"]],
  ["duration", ["P1Y2M3D", "PT5M", "P2W", "P1DT12H"]],
  ["uuid", ["123e4567-e89b-12d3-a456-426614174000"]],
  ["email", ["a.b+c@example.org"]],
  ["hostname", ["localhost", "a-b.example.com"]],
  ["ipv4", ["127.0.0.1", "255.255.255.255"]],
  ["ipv6", ["::", "::1", "2001:db8::ff00:42:8329", "1:2:3:4:5:6:7:8", "1::", "1:2:3:4:5:6::"]],
  ["uri", ["https://example.org/a/b?c=d#e", "mailto:a@b.c", "http://localhost:8080/"]],
  ["uri-reference", ["/a/b", "https://example.org"]],
  ["json-pointer", ["", "/a~1b/0"]],
  ["relative-json-pointer", ["0", "1/a", "2#"]],
];

export function randomSchema(random: Random): Sample {
  const { schema, value } = anySchema(random, 3);
  if (typeof schema === "boolean" || !random.chance(0.15)) return { schema, value };
  return recursive(random, { schema, value });
}

/** A list whose nodes refer to the given schema. */
function recursive(random: Random, item: Sample): Sample {
  const node = {
    type: "object",
    properties: { item: { $ref: "#/$defs/item" }, next: { $ref: "#/$defs/node" } },
    required: ["item"],
    additionalProperties: false,
  };
  const value = (): unknown =>
    random.chance(0.5) ? { item: item.value(), next: value() } : { item: item.value() };
  return { schema: { $ref: "#/$defs/node", $defs: { node, item: item.schema } }, value };
}

function anySchema(random: Random, depth: number): Sample {
  const leaves = [stringSchema, numberSchema, constants, plain, lengthSchema];
  const nodes = [
    objectSchema,
    objectSchema,
    arraySchema,
    tupleSchema,
    unionSchema,
    tagged,
    merged,
    openObject,
  ];
  const make = random.pick(depth > 0 ? [...leaves, ...nodes] : leaves);
  return make(random, depth - 1);
}

function plain(random: Random): Sample {
  const samples: readonly (readonly [string | string[], readonly unknown[]])[] = [
    ["null", [null]],
    ["boolean", [true, false]],
    ["string", ["", "text", 'q"\\\n', "😀"]],
    ["integer", [0, -7, 123456]],
    ["number", [0.5, -3, 1e21, 2.5e-7]],
    ["object", [{}, { any: [1, null] }]],
    ["array", [[], [1, "a", { b: [] }]]],
    [["string", "null"], ["x", null]],
    [["integer", "boolean", "array"], [3, true, [[]]]],
  ];
  if (random.chance(0.1)) {
    return { schema: random.chance(0.5) ? true : {}, value: () => ({ a: [1] }) };
  }
  const [type, values] = random.pick(samples);
  return { schema: { title: "T", type, description: "d" }, value: () => random.pick(values) };
}

function constants(random: Random): Sample {
  const values = ["red", 'gr"een', 1, -2.5, null, true, [1, { a: "b" }], { x: 1, y: [] }];
  const some = values.filter(() => random.chance(0.5));
  if (some.length === 0) return { schema: { const: "only" }, value: () => "only" };
  return { schema: { enum: some }, value: () => random.pick(some) };
}

function stringSchema(random: Random): Sample {
  const [key, [source, values]] = random.chance(0.5)
    ? ["pattern", random.pick(PATTERNS)] as const
    : ["format", random.pick(FORMATS)] as const;
  const schema: Record<string, unknown> = { type: "string", [key]: source };
  const value = random.pick(values);
  if (random.chance(0.3)) schema.maxLength = [...value].length + random.between(0, 3);
  if (random.chance(0.2)) schema.minLength = [...value].length;
  return { schema, value: () => value };
}

function lengthSchema(random: Random): Sample {
  const min = random.chance(0.1) ? random.between(250, 700) : random.between(0, 5);
  const max = random.chance(0.3) ? Infinity : min + random.between(0, random.chance(0.2) ? 900 : 6);
  const schema: Record<string, unknown> = { type: "string" };
  if (min > 0) schema.minLength = min;
  if (max !== Infinity) schema.maxLength = max;
  const length = () => random.between(min, Math.min(max, min + 300));
  return {
    schema,
    value: () =>
      Array.from({ length: length() }, () => random.pick(["a", "😀", '"', "\n"])).join(""),
  };
}

function numberSchema(random: Random): Sample {
  const integer = random.chance(0.5);
  const schema: Record<string, unknown> = { type: integer ? "integer" : "number" };
  const low = random.between(-1200, 1200) / (integer ? 1 : random.pick([1, 4, 10, 100]));
  const high = low + random.between(0, 3000) / (integer ? 1 : random.pick([1, 8]));
  const step = random.pick([2, 3, 7, 10, 0.5, 0.25]);
  if (random.chance(0.25)) {
    schema.multipleOf = integer ? Math.max(1, Math.round(step)) : step;
    return { schema, value: () => (schema.multipleOf as number) * random.between(-50, 50) };
  }
  const exclusive = high - low > 1 && random.chance(0.4);
  if (random.chance(0.8)) schema[exclusive ? "exclusiveMinimum" : "minimum"] = low;
  if (random.chance(0.8)) schema[exclusive ? "exclusiveMaximum" : "maximum"] = high;
  const middle = integer ? Math.floor((low + high) / 2) : Number(((low + high) / 2).toFixed(4));
  const inside = middle > low && middle < high ? middle : undefined;
  if (inside === undefined && exclusive) return { schema: { const: 5 }, value: () => 5 };
  return {
    schema,
    value: () => exclusive ? inside : random.pick([low, high, inside ?? low]),
  };
}

function objectSchema(random: Random, depth: number): Sample {
  const names = NAMES.filter(() => random.chance(0.35));
  const parts = names.map((name) => ({
    name,
    required: random.chance(0.5),
    ...anySchema(random, depth),
  }));
  const schema: Record<string, unknown> = {
    type: "object",
    properties: Object.fromEntries(parts.map(({ name, schema }) => [name, schema])),
  };
  const required = parts.filter((part) => part.required).map(({ name }) => name);
  if (required.length > 0) schema.required = required;
  let [min, max] = [0, names.length];
  if (random.chance(0.2)) schema.minProperties = min = random.between(0, names.length);
  if (random.chance(0.2)) {
    schema.maxProperties = max = random.between(Math.max(min, required.length), names.length);
  }
  if (names.length > 0 && random.chance(0.4)) schema.additionalProperties = false;
  return {
    schema,
    value: () => {
      const optional = parts.filter((part) => !part.required);
      const least = Math.max(0, min - required.length);
      const most = Math.min(optional.length, max - required.length);
      const kept = new Set(
        optional.map((part) => [random.next(), part.name] as const).sort((a, b) => a[0] - b[0])
          .slice(0, random.between(least, most)).map(([, name]) => name),
      );
      return Object.fromEntries(
        parts.filter((part) => part.required || kept.has(part.name))
          .map((part) => [part.name, part.value()]),
      );
    },
  };
}

function openObject(random: Random, depth: number): Sample {
  const others = anySchema(random, depth);
  const schema: Record<string, unknown> = {
    type: "object",
    properties: { na: { type: "integer" }, name: { type: "boolean" } },
  };
  let keys = ["n", "nam", "names", "é", 'a"b', ""];
  if (random.chance(0.3)) {
    schema.patternProperties = { "^x-": others.schema, "y$": true };
    keys = ["x-", "x-1", "x-y"];
    if (random.chance(0.5)) schema.additionalProperties = { type: "null" };
  } else schema.additionalProperties = others.schema;
  if (random.chance(0.3)) {
    schema.propertyNames = { maxLength: 4, pattern: "^[^q]*$" };
    keys = keys.filter((key) => key.length <= 4);
  }
  if (random.chance(0.2)) schema.minProperties = 1;
  if (random.chance(0.2)) schema.maxProperties = 3;
  return {
    schema,
    value: () => {
      const key = random.pick(keys);
      return { ...(random.chance(0.5) ? { na: 3 } : {}), [key]: others.value() };
    },
  };
}

function arraySchema(random: Random, depth: number): Sample {
  const item = anySchema(random, depth);
  const min = random.between(0, 3);
  const max = random.chance(0.4) ? Infinity : min + random.between(0, random.chance(0.1) ? 400 : 3);
  const schema: Record<string, unknown> = { type: "array", items: item.schema };
  if (min > 0) schema.minItems = min;
  if (max !== Infinity) schema.maxItems = max;
  const length = () => random.between(min, Math.min(max, min + 3));
  return { schema, value: () => Array.from({ length: length() }, () => item.value()) };
}

function tupleSchema(random: Random, depth: number): Sample {
  const front = Array.from({ length: random.between(1, 3) }, () => anySchema(random, depth));
  const schema: Record<string, unknown> = {
    type: "array",
    prefixItems: front.map((item) => item.schema),
  };
  const min = random.between(0, front.length);
  if (min > 0) schema.minItems = min;
  const rest = random.chance(0.5) ? anySchema(random, 0) : null;
  if (random.chance(0.7)) schema.items = rest?.schema ?? false;
  return {
    schema,
    value: () => {
      const length = random.between(min, front.length);
      const values = front.slice(0, length).map((item) => item.value());
      const more = length === front.length && rest !== null && "items" in schema;
      return more ? [...values, rest.value()] : values;
    },
  };
}

function unionSchema(random: Random, depth: number): Sample {
  const branches = Array.from({ length: random.between(1, 3) }, () => anySchema(random, depth));
  return {
    schema: { anyOf: branches.map(({ schema }) => schema) },
    value: () => random.pick(branches).value(),
  };
}

/** Branches that differ by a constant or by type. */
function tagged(random: Random, depth: number): Sample {
  if (random.chance(0.3)) {
    return {
      schema: {
        oneOf: [{ type: "integer", maximum: 3 }, { type: "number", minimum: 3.5 }, {
          type: "string",
        }],
      },
      value: () => random.pick([3, 4.5, "s"]),
    };
  }
  const branches = ["circle", "square"].map((kind) => ({ kind, ...anySchema(random, depth) }));
  return {
    schema: {
      type: "object",
      required: ["kind"],
      oneOf: branches.map(({ kind, schema }) => ({
        properties: { kind: { const: kind }, data: schema },
        required: ["data"],
      })),
    },
    value: () => {
      const { kind, value } = random.pick(branches);
      return { kind, data: value() };
    },
  };
}

/** Two parts of an object, or two bounds of a number, combined by allOf. */
function merged(random: Random, depth: number): Sample {
  if (random.chance(0.3)) {
    return {
      schema: { type: "number", allOf: [{ minimum: 2 }, { maximum: 9, type: "integer" }] },
      value: () => random.between(2, 9),
    };
  }
  const [a, b] = [anySchema(random, depth), anySchema(random, depth)];
  return {
    schema: {
      allOf: [
        { type: "object", properties: { a: a.schema }, required: ["a"] },
        { properties: { b: b.schema }, required: ["b"] },
      ],
    },
    value: () => ({ a: a.value(), b: b.value() }),
  };
}
