import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ShimmyError } from "../errors.ts";
import { spend } from "./expression/mod.ts";
import { GrammarBuilder, schemaToGrammar, withGrammarBudget } from "./mod.ts";

function refusal(schema: unknown): string {
  const error = assertThrows(() => schemaToGrammar(schema), ShimmyError);
  assertEquals([error.kind, error.field], ["invalid", "json_schema"]);
  return error.message;
}

Deno.test("oneOf with overlapping branches is refused, with its location and an alternative", () => {
  const overlaps = [
    [{ type: "integer" }, { type: "number" }],
    [
      { type: "object", additionalProperties: { type: "string" } },
      { type: "object", additionalProperties: { type: "string" } },
    ],
  ];
  for (const oneOf of overlaps) {
    const message = refusal({ type: "object", properties: { p: { oneOf } }, required: ["p"] });
    assertStringIncludes(message, "json_schema: oneOf at #/properties/p cannot be expressed");
    assertStringIncludes(message, "use anyOf");
  }
});

Deno.test("an unsatisfiable schema is refused", () => {
  for (
    const schema of [
      false,
      { enum: [] },
      { type: "string", minLength: 3, maxLength: 2 },
      { type: "string", pattern: "^a$", minLength: 2 },
      { type: "integer", minimum: 5, maximum: 4 },
      { allOf: [{ type: "string" }, { type: "null" }] },
      { type: "object", properties: { a: false }, required: ["a"] },
      { type: "array", items: false, minItems: 1 },
      { type: "object", properties: { next: { $ref: "#" } }, required: ["next"] },
    ]
  ) {
    assertStringIncludes(
      refusal(schema),
      "no value is valid for the schema",
      JSON.stringify(schema),
    );
  }
});

Deno.test("unsupported keywords are refused with name and location", () => {
  const at = (schema: unknown) => ({ type: "object", properties: { "a/b": schema } });
  const cases: Record<string, unknown> = {
    not: { type: "number", not: { multipleOf: 3 } },
    uniqueItems: { type: "array", uniqueItems: true },
    multipleOf: { type: "number", multipleOf: 0.00000001 },
    pattern: { type: "string", pattern: "(?=a)b" },
    $dynamicRef: { $dynamicRef: "#x" },
    $recursiveRef: { $recursiveRef: "other.json" },
    $ref: { $ref: "https://example.org/other.json" },
  };
  for (const [keyword, schema] of Object.entries(cases)) {
    const expected = `json_schema: ${keyword} at #/properties/a~1b cannot be expressed: `;
    assertStringIncludes(refusal(at(schema)), expected);
  }
});

Deno.test("multiples are refused where doubles do not hold every integer", () => {
  assertStringIncludes(
    refusal({ type: "integer", exclusiveMinimum: 1e16, multipleOf: 12 }),
    "multipleOf at # cannot be expressed: ",
  );
});

Deno.test("errors distinguish malformed and unsupported keywords", () => {
  const cases: Record<string, unknown> = {
    type: { type: "text" },
    enum: { enum: "a" },
    minLength: { type: "string", minLength: -1 },
    maximum: { type: "number", maximum: "9" },
    exclusiveMinimum: { type: "number", exclusiveMinimum: "3" },
    dependencies: { type: "object", dependencies: [] },
    dependentRequired: { type: "object", dependentRequired: { a: [1] } },
    required: { type: "object", required: "a" },
    properties: { type: "object", properties: [] },
    anyOf: { anyOf: [] },
    pattern: { type: "string", pattern: 7 },
    multipleOf: { type: "number", multipleOf: 0 },
  };
  for (const [keyword, schema] of Object.entries(cases)) {
    assertStringIncludes(refusal(schema), `json_schema: ${keyword} at # must be `);
  }
  for (const schema of [null, 3, "x", []]) {
    assertStringIncludes(refusal(schema), "an object or a boolean");
  }
});

Deno.test("circular references are refused", () => {
  const loop = {
    $ref: "#/$defs/a",
    $defs: { a: { $ref: "#/$defs/b" }, b: { allOf: [{ $ref: "#/$defs/a" }] } },
  };
  assertStringIncludes(refusal(loop), "refers back to itself");
  assertStringIncludes(refusal({ $ref: "#/$defs/none" }), "has no target");
  assertStringIncludes(refusal({ $ref: "#none" }), 'no anchor "none"');
});

Deno.test("malicious schemas are refused in bounded time with a reason", () => {
  let deep: unknown = {};
  for (let level = 0; level < 5_000; level++) deep = { items: deep };
  const chain = Object.fromEntries(
    Array.from({ length: 5_000 }, (_, index) => [`d${index}`, { $ref: `#/$defs/d${index + 1}` }]),
  );
  const branches = Array.from({ length: 20 }, (_, index) => ({ const: index }));
  const cases: readonly (readonly [unknown, string])[] = [
    [deep, "nests deeper"],
    [{ anyOf: Array.from({ length: 20_000 }, () => ({})) }, "more than 10000 objects"],
    [{ enum: Array.from({ length: 6_000 }, (_, index) => index) }, "more than 5000 values"],
    [{ $ref: "#/$defs/d0", $defs: { ...chain, d5000: {} } }, "chain of references is longer"],
    [{ allOf: Array.from({ length: 4 }, () => ({ anyOf: branches })) }, "combinations"],
    [{ type: "string", pattern: "(a|b)*a(a|b){25}" }, "states"],
    [{ type: "string", minLength: 1e9 }, "minLength at # cannot be expressed: a grammar repeats"],
    [
      { type: "object", patternProperties: { a: {}, b: {}, c: {}, d: {}, e: {} } },
      "more than 4 patterns",
    ],
  ];
  for (const [schema, reason] of cases) {
    const start = performance.now();
    assertStringIncludes(refusal(schema), reason);
    assert(performance.now() - start < 5_000, reason);
  }
});

Deno.test("a schema has one budget for all of its parts", () => {
  const object = (count: number, schema: (index: number) => unknown) => ({
    type: "object",
    properties: Object.fromEntries(
      Array.from({ length: count }, (_, index) => [`p${index}`, schema(index)]),
    ),
  });
  const cases: readonly (readonly [string, unknown, string])[] = [
    ["equal", object(100, () => ({ pattern: "^.*a.{9}0$" })), "grammar rules"],
    ["patterns", object(100, (index) => ({ pattern: `^.*a.{9}${index}$` })), "too much work"],
    ["states", object(20, (index) => ({ pattern: `^.*a.{20}${index}$` })), "states"],
    [
      "lengths",
      object(30, (index) => ({ pattern: "^[a-z]+(-[a-z]+)*$", maxLength: 900 + index })),
      "too much work",
    ],
    [
      "branches",
      {
        oneOf: Array.from(
          { length: 30 },
          (_, index) => object(2, (own) => ({ minLength: index + own })),
        ),
      },
      "",
    ],
  ];
  for (const [name, schema, reason] of cases) {
    const start = performance.now();
    assertStringIncludes(refusal(schema), reason, name);
    const milliseconds = performance.now() - start;
    assert(milliseconds < 10_000, `${name} took ${milliseconds} ms`);
  }
  // An object with many properties is within the budget.
  const large = object(2_000, () => ({ type: "string" }));
  schemaToGrammar(large);
  schemaToGrammar({ ...large, required: Object.keys(large.properties) });
});

Deno.test("errors name the request field of the schema", () => {
  const builder = new GrammarBuilder({ field: "tools[0].parameters" });
  const error = assertThrows(() => builder.addSchema({ $ref: "#/none" }), ShimmyError);
  assertEquals(error.field, "tools[0].parameters");
  assertStringIncludes(error.message, "tools[0].parameters: $ref at #");
});

Deno.test("a grammar whose parts together exceed its budget or the stack is refused", () => {
  const recurse = (): number => 1 + recurse();
  const works = [recurse, () => {
    for (;;) spend(1000);
  }];
  for (const work of works) {
    const error = assertThrows(() => withGrammarBudget(work), ShimmyError, "use fewer or simpler");
    assertEquals(error.kind, "invalid");
  }
});
