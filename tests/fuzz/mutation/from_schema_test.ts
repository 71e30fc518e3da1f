import { assert, assertEquals } from "@std/assert";
import { Ajv2020 } from "test:ajv";
import * as fc from "test:fast-check";
import { type Schema, valuesOf } from "./from_schema.ts";

const SCHEMA: Schema = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 1 },
    count: { anyOf: [{ type: "integer", minimum: 1, maximum: 3 }, { type: "null" }] },
    kind: { enum: ["a", 1] },
    list: { type: "array", items: { $ref: "#/$defs/item" }, minItems: 1 },
    map: { type: "object", additionalProperties: { type: "boolean" } },
    pair: { prefixItems: [{ type: "number" }, { const: 5 }], type: "array" },
    either: { type: ["string", "boolean"] },
  },
  required: ["name"],
  additionalProperties: false,
  $defs: { item: { type: "object", properties: { next: { $ref: "#/$defs/item" } } } },
};

Deno.test("values are valid, and every member occurs", () => {
  const isValid = new Ajv2020({ strict: false }).compile(SCHEMA);
  const values = fc.sample(valuesOf(SCHEMA), { seed: 3, numRuns: 200 });
  for (const value of values) assert(isValid(JSON.parse(JSON.stringify(value))));
  const members = new Set(values.flatMap((value) => Object.keys(value as object)));
  assertEquals([...members].sort(), Object.keys(SCHEMA["properties"] as object).sort());
});

Deno.test("known members get their values", () => {
  const values = fc.sample(valuesOf(SCHEMA, { name: ["x"] }), { seed: 3, numRuns: 20 });
  assert(values.every((value) => (value as { name: string }).name === "x"));
});

Deno.test("the same seed gives the same values", () => {
  const sample = () => JSON.stringify(fc.sample(valuesOf(SCHEMA), { seed: 3, numRuns: 50 }));
  assertEquals(sample(), sample());
});
