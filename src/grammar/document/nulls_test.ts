import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { schemaToGrammar } from "../mod.ts";
import { withoutNulls } from "./nulls.ts";

Deno.test("keywords that are null are left out at every depth, values that are null stay", () => {
  const schema = {
    type: "object",
    required: null,
    $defs: null,
    additionalProperties: null,
    properties: {
      a: { type: "string", enum: null, default: null },
      b: { enum: ["x", null], const: null },
      c: null,
      d: { type: ["string", null], items: null },
      e: { anyOf: [{ type: "string", pattern: null }, null], not: { format: null, type: "null" } },
    },
    dependentRequired: { a: ["b"] },
  };
  assertEquals(withoutNulls(schema), {
    type: "object",
    properties: {
      a: { type: "string", default: null },
      b: { enum: ["x", null], const: null },
      c: {},
      d: { type: ["string", "null"] },
      e: { anyOf: [{ type: "string" }, {}], not: { type: "null" } },
    },
    dependentRequired: { a: ["b"] },
  });
});

Deno.test("a schema without such keywords is the same object", () => {
  const schema = { type: "object", properties: { a: { enum: [null] } }, const: null };
  assertStrictEquals(withoutNulls(schema), schema);
});

Deno.test("a schema with keywords that are null compiles like one without them", () => {
  const properties = { a: { type: "integer" } };
  for (const keyword of ["required", "enum", "additionalProperties", "items", "$defs", "pattern"]) {
    assertEquals(
      schemaToGrammar({ type: "object", properties, [keyword]: null }),
      schemaToGrammar({ type: "object", properties }),
      keyword,
    );
  }
  assertEquals(schemaToGrammar({ type: null, properties }), schemaToGrammar({ properties }));
});

Deno.test("null in the place of the whole schema stays an error", () => {
  assertThrows(() => schemaToGrammar(null), ShimmyError, "a schema must be an object");
});
