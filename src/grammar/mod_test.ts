import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ShimmyError } from "../errors.ts";
import { matches, parseGbnf } from "../../tests/grammar/gbnf.ts";
import { GrammarBuilder, jsonObjectGrammar, literal, schemaToGrammar } from "./mod.ts";

/** The texts that a schema's grammar accepts. */
function taken(schema: unknown, texts: readonly string[]): string[] {
  const grammar = parseGbnf(schemaToGrammar(schema));
  return texts.filter((text) => matches(grammar, text));
}

function refusal(schema: unknown): string {
  const error = assertThrows(() => schemaToGrammar(schema), ShimmyError);
  assertEquals([error.kind, error.field], ["invalid", "json_schema"]);
  return error.message;
}

Deno.test("optional properties may be omitted with correct commas", () => {
  const schema = {
    type: "object",
    properties: { a: { type: "null" }, b: { type: "null" }, c: { type: "null" } },
    required: ["b"],
  };
  const right = [
    '{"b":null}',
    '{"a":null,"b":null}',
    '{"b": null, "c": null}',
    '{"a":null,"b":null,"c":null}',
  ];
  const wrong = [
    "{}",
    '{"a":null}',
    '{,"b":null}',
    '{"b":null,}',
    '{"b":null,"a":null}',
    '{"a":null"b":null}',
  ];
  assertEquals(taken(schema, [...right, ...wrong]), right);
});

Deno.test("an object without properties allows any, an object with properties allows no others", () => {
  assertEquals(taken({ type: "object" }, ["{}", '{"x":[1]}']), ["{}", '{"x":[1]}']);
  const listed = { type: "object", properties: { a: {} } };
  assertEquals(taken(listed, ["{}", '{"a":1}', '{"x":1}']), ["{}", '{"a":1}']);
  const open = { ...listed, additionalProperties: { type: "integer" } };
  assertEquals(taken(open, ['{"x":1}', '{"a":"s","x":1}', '{"x":"s"}']), [
    '{"x":1}',
    '{"a":"s","x":1}',
  ]);
});

Deno.test("an undeclared name cannot be a declared one", () => {
  const schema = {
    type: "object",
    properties: { ab: { type: "null" } },
    additionalProperties: { type: "integer" },
  };
  const names = ["a", "abc", "b", "", "\\n", '\\"', "é"].map((name) => `{"${name}":1}`);
  const wrong = ['{"ab":1}', '{"\\u0061b":1}', '{"a\\u0062":1}'];
  assertEquals(taken(schema, [...names, ...wrong]), names);
});

Deno.test("whitespace is bounded, and absent where the grammar is compact", () => {
  const schema = { type: "object", properties: { a: { const: 1 } }, required: ["a"] };
  const texts = [
    '{"a":1}',
    '{ "a": 1 }',
    '{\n  "a": 1\n}',
    '{  "a":1}',
    '{"a" :1}',
    ' {"a":1}',
    '{"a":1} ',
  ];
  assertEquals(taken(schema, texts), texts.slice(0, 3));
  const compact = parseGbnf(schemaToGrammar(schema, { compact: true }));
  assertEquals(texts.filter((text) => matches(compact, text)), ['{"a":1}']);
});

Deno.test("strings contain valid escapes and no raw control characters", () => {
  const right = ['"\\n\\u00e9\\ud83d\\ude00"', '"😀"', '"\\/"'];
  const wrong = ['"\n"', '"\t"', '"\x7f"', '"\\x41"', '"\\ud83d"', '"\\ude00"', '"', '"\\"'];
  assertEquals(taken({ type: "string" }, [...right, ...wrong]), right);
});

Deno.test("lengths count characters, an escaped surrogate pair is one", () => {
  const texts = ['""', '"a"', '"😀"', '"\\ud83d\\ude00"', '"\\n"', '"ab"'];
  assertEquals(taken({ type: "string", minLength: 1, maxLength: 1 }, texts), texts.slice(1, 5));
});

Deno.test("an unanchored pattern matches anywhere, and combines with lengths", () => {
  const texts = ['"a"', '"xay"', '"b"', '"aaaaa"', '"\\"a"'];
  assertEquals(taken({ type: "string", pattern: "a", maxLength: 3 }, texts), [
    '"a"',
    '"xay"',
    '"\\"a"',
  ]);
  assertEquals(taken({ type: "string", pattern: "^a$" }, texts), ['"a"']);
});

Deno.test("references, anchors and identifiers share one rule, also if recursive", () => {
  const schema = {
    $id: "https://example.org/tree",
    $ref: "#/$defs/node",
    $defs: {
      node: {
        type: "object",
        properties: { value: { $ref: "#v" }, left: { $ref: "tree#/$defs/node" } },
        required: ["value"],
      },
      "with/slash": { $anchor: "v", type: "integer" },
    },
  };
  const texts = ['{"value":1,"left":{"value":2}}', '{"value":1,"left":{}}'];
  assertEquals(taken(schema, texts), texts.slice(0, 1));
  const pointer = { $ref: "#/$defs/a~1b%20c", $defs: { "a/b c": { const: 1 } } };
  assertEquals(taken(pointer, ["1", "2"]), ["1"]);
});

Deno.test("keywords next to a reference apply too, through recursion", () => {
  const schema = {
    $ref: "#/$defs/list",
    required: ["next"],
    $defs: {
      list: {
        type: "object",
        properties: { next: { $ref: "#/$defs/list" } },
        additionalProperties: false,
      },
    },
  };
  assertEquals(taken(schema, ["{}", '{"next":{}}', '{"next":{"next":{}}}']), [
    '{"next":{}}',
    '{"next":{"next":{}}}',
  ]);
});

Deno.test("allOf merges its parts, and a closed part closes the result", () => {
  const schema = {
    allOf: [
      { properties: { a: { minimum: 3 }, b: {} }, required: ["a"] },
      { properties: { a: { type: "integer", maximum: 4 } }, additionalProperties: false },
    ],
  };
  assertEquals(taken(schema, ['{"a":3}', '{"a":5}', '{"a":2}', '{"a":3,"b":1}']), ['{"a":3}']);
});

Deno.test("listed values are filtered by the keywords of the same schema", () => {
  const schema = { type: ["string", "integer"], enum: ["a", 1, 2.5, null, "long"], maxLength: 2 };
  assertEquals(taken(schema, ['"a"', "1", "2.5", "null", '"long"']), ['"a"', "1"]);
  assertEquals(taken({ enum: [1, 2, 3], allOf: [{ minimum: 2 }] }, ["1", "2", "3"]), ["2", "3"]);
});

Deno.test("oneOf accepts disjoint branches, and values of exactly one branch", () => {
  const shapes = {
    oneOf: [
      { properties: { kind: { const: "a" }, x: { type: "integer" } }, required: ["kind"] },
      { properties: { kind: { enum: ["b", "c"] } }, required: ["kind"] },
    ],
  };
  assertEquals(taken(shapes, ['{"kind":"a","x":1}', '{"kind":"c"}', '{"kind":"c","x":1}']), [
    '{"kind":"a","x":1}',
    '{"kind":"c"}',
  ]);
  const listed = { oneOf: [{ enum: [1, 2] }, { enum: [2, 3] }] };
  assertEquals(taken(listed, ["1", "2", "3"]), ["1", "3"]);
  const ranges = {
    oneOf: [{ type: "integer", maximum: 4 }, { type: "integer", exclusiveMinimum: 4 }],
  };
  assertEquals(taken(ranges, ["4", "5"]), ["4", "5"]);
  const strings = { oneOf: [{ type: "string", pattern: "^a" }, { type: "string", pattern: "^b" }] };
  assertEquals(taken(strings, ['"ax"', '"bx"', '"cx"']), ['"ax"', '"bx"']);
});

Deno.test("a oneOf with overlapping branches excludes values that both match", () => {
  const schema = {
    oneOf: [
      { type: "object", properties: { a: {} }, required: ["a"] },
      { type: "object", properties: { b: {} }, required: ["b"] },
    ],
  };
  const objects = ['{"a":1}', '{"b":1}', '{"a":1,"b":1}'];
  assertEquals(taken(schema, objects), ['{"a":1}', '{"b":1}']);
  const inContext = { ...schema, properties: { a: {}, b: {} } };
  assertEquals(taken(inContext, objects), ['{"a":1}', '{"b":1}']);
  const strings = { oneOf: [{ type: "string" }, { type: "string", maxLength: 3 }] };
  assertEquals(taken(strings, ['"abc"', '"abcd"']), ['"abcd"']);
  const arrays = { oneOf: [{ type: "array" }, { type: "array", items: { type: "string" } }] };
  assertEquals(taken(arrays, ["[]", '["a"]', '["a",1]']), ['["a",1]']);
});

Deno.test("not leaves out values, types, ranges, texts, properties and items", () => {
  const cases: readonly (readonly [unknown, readonly string[], readonly string[]])[] = [
    [{ not: { type: ["string", "null"] } }, ["1", "{}", "true"], ['"a"', "null"]],
    [{ type: "string", not: { enum: ["a", "b"] } }, ['"c"', '"ab"', '""'], ['"a"', '"b"']],
    [{ type: "string", not: { pattern: "^x" } }, ['"a"', '"ax"'], ['"x"', '"xa"']],
    [{ type: "integer", not: { const: 5 } }, ["4", "6", "-5"], ["5"]],
    [{ type: "integer", not: { minimum: 3, maximum: 7 } }, ["2", "8"], ["3", "5", "7"]],
    [{ type: "boolean", not: { const: true } }, ["false"], ["true"]],
    [{ type: "object", not: { required: ["a"] } }, ["{}", '{"b":1}'], ['{"a":1}']],
    [
      { type: "object", properties: { a: {} }, not: { properties: { a: { type: "null" } } } },
      ['{"a":1}'],
      ['{"a":null}', "{}"],
    ],
    [
      { type: "array", not: { contains: { const: 1 } } },
      ["[]", "[2]", '["a",{}]'],
      ["[1]", "[2,1]"],
    ],
    [{ type: "array", not: { maxItems: 1 } }, ["[1,2]"], ["[]", "[1]"]],
    [{ type: "string", not: { not: { const: "x" } } }, ['"x"'], ['"y"']],
    [{ type: "object", not: { const: { a: 1 } } }, ['{"a":2}', "{}"], ['{"a":1}']],
  ];
  for (const [schema, valid, invalid] of cases) {
    assertEquals(taken(schema, [...valid, ...invalid]), valid, JSON.stringify(schema));
  }
});

Deno.test("conditions and dependencies hold", () => {
  const condition = {
    type: "object",
    properties: { kind: { enum: ["a", "b"] }, x: { type: "integer" } },
    required: ["kind"],
    if: { properties: { kind: { const: "a" } } },
    then: { required: ["x"] },
    else: { properties: { x: false } },
  };
  const objects = ['{"kind":"a"}', '{"kind":"a","x":1}', '{"kind":"b"}', '{"kind":"b","x":1}'];
  assertEquals(taken(condition, objects), ['{"kind":"a","x":1}', '{"kind":"b"}']);
  const pairs = ["{}", '{"a":1}', '{"b":1}', '{"a":1,"b":1}'];
  const expected = ["{}", '{"b":1}', '{"a":1,"b":1}'];
  const properties = { a: {}, b: {} };
  for (
    const keyword of [
      { dependentRequired: { a: ["b"] } },
      { dependentSchemas: { a: { required: ["b"] } } },
      { dependencies: { a: ["b"] } },
      { dependencies: { a: { required: ["b"] } } },
    ]
  ) {
    assertEquals(taken({ properties, ...keyword }, pairs), expected, JSON.stringify(keyword));
  }
});

Deno.test("arrays hold the number of items that contains asks for", () => {
  const arrays = ["[]", "[1]", '["a"]', '[1,"a",2]', '["a","b"]', '["a",1,"b"]', '["a","b","c"]'];
  const strings = { contains: { type: "string" } };
  assertEquals(taken(strings, arrays), arrays.slice(2));
  assertEquals(taken({ ...strings, minContains: 2 }, arrays), arrays.slice(4));
  assertEquals(taken({ ...strings, maxContains: 1 }, arrays), ['["a"]', '[1,"a",2]']);
  assertEquals(taken({ type: "array", ...strings, minContains: 0 }, arrays), arrays);
  assertEquals(taken({ ...strings, maxItems: 2 }, arrays), ['["a"]', '["a","b"]']);
});

Deno.test("listed items are unique in any order, many of them in the order of their list", () => {
  const few = { type: "array", uniqueItems: true, items: { enum: ["a", "b", "c"] } };
  const arrays = ["[]", '["b","a"]', '["c","a","b"]', '["a","a"]', '["a","b","a"]'];
  assertEquals(taken(few, arrays), arrays.slice(0, 3));
  assertEquals(taken({ ...few, minItems: 3 }, arrays), ['["c","a","b"]']);
  assertEquals(taken({ ...few, maxItems: 1 }, [...arrays, '["c"]']), ["[]", '["c"]']);
  const letters = [..."abcdefgh"];
  const many = { type: "array", uniqueItems: true, items: { enum: letters }, minItems: 2 };
  assertEquals(taken(many, ['["a"]', '["a","c","h"]', '["c","a"]', '["a","a"]']), [
    '["a","c","h"]',
  ]);
  const tuple = {
    type: "array",
    uniqueItems: true,
    items: [{ type: "string" }, { type: "integer" }],
  };
  assertEquals(taken(tuple, ["[]", '["a"]', '["a",1]', '["a",1,1]']), ["[]", '["a"]', '["a",1]']);
});

Deno.test("unevaluated members are those that no branch mentions", () => {
  const schema = {
    type: "object",
    properties: { kind: { type: "string" } },
    required: ["kind"],
    anyOf: [{ properties: { a: { type: "integer" } } }, { patternProperties: { "^x": true } }],
    unevaluatedProperties: false,
  };
  const objects = [
    '{"kind":"k"}',
    '{"kind":"k","a":1}',
    '{"kind":"k","xy":1}',
    '{"kind":"k","b":1}',
  ];
  assertEquals(taken(schema, objects), objects.slice(0, 3));
  const rest = { ...schema, unevaluatedProperties: { type: "null" } };
  assertEquals(taken(rest, [...objects, '{"kind":"k","b":null}']), [
    ...objects.slice(0, 3),
    '{"kind":"k","b":null}',
  ]);
  const items = { allOf: [{ prefixItems: [{ type: "string" }] }], unevaluatedItems: false };
  assertEquals(taken(items, ["[]", '["a"]', '["a",1]']), ["[]", '["a"]']);
});

Deno.test("schemas of earlier drafts keep their meaning", () => {
  const draft4 = {
    $schema: "http://json-schema.org/draft-04/schema#",
    id: "http://example.org/root.json",
    type: "object",
    properties: {
      n: { type: "integer", minimum: 1, exclusiveMinimum: true },
      m: { type: "integer", maximum: 1, exclusiveMaximum: false },
      r: { $ref: "#/definitions/r" },
      s: { $ref: "#named" },
      t: { $ref: "root.json#/definitions/r" },
    },
    definitions: { r: { type: "null" }, s: { id: "#named", type: "boolean" } },
  };
  const objects = ['{"n":1}', '{"n":2}', '{"m":1}', '{"r":null}', '{"s":true}', '{"t":null}'];
  assertEquals(taken(draft4, objects), objects.slice(1));
  const draft7 = {
    $schema: "http://json-schema.org/draft-07/schema#",
    $id: "http://example.org/root.json",
    type: "object",
    properties: { a: { $id: "http://example.org/other/", $ref: "name.json" } },
    definitions: {
      name: { $id: "http://example.org/name.json", type: "string" },
      other: { $id: "http://example.org/other/name.json", type: "integer" },
    },
  };
  assertEquals(taken(draft7, ['{"a":1}', '{"a":"n"}']), ['{"a":"n"}']);
  const draft3 = {
    type: "object",
    properties: { a: { type: "any", required: true }, b: { type: "null", required: false } },
  };
  assertEquals(taken(draft3, ["{}", '{"a":1}', '{"a":1,"b":null}']), [
    '{"a":1}',
    '{"a":1,"b":null}',
  ]);
});

Deno.test("keywords without an effect are ignored with a notice", () => {
  const builder = new GrammarBuilder();
  builder.addRule(
    "root",
    builder.addSchema({
      type: "string",
      "x-order": 1,
      title: "T",
      properties: { a: { type: "string", format: "color", readonly: true } },
      anyOf: [{ minLenght: 3 }],
    }),
  );
  assertEquals(builder.notices, ["json_schema: ignored minLenght (at #/anyOf/0)"]);
  const other = new GrammarBuilder();
  other.addSchema({ type: "string", format: "color", readonly: true });
  assertEquals(other.notices, ['json_schema: ignored readonly (at #), format "color" (at #)']);
});

Deno.test("property counts are enforced if keys cannot repeat", () => {
  const schema = {
    type: "object",
    properties: { a: { const: 1 }, b: { const: 1 }, c: { const: 1 } },
    minProperties: 1,
    maxProperties: 2,
  };
  const texts = ["{}", '{"b":1}', '{"a":1,"c":1}', '{"a":1,"b":1,"c":1}'];
  assertEquals(taken(schema, texts), texts.slice(1, 3));
  assertEquals(taken({ type: "object", minProperties: 1 }, ["{}", '{"x":1}']), ['{"x":1}']);
  assertStringIncludes(refusal({ type: "object", minProperties: 2 }), "minProperties at #");
});

Deno.test("pattern properties partition the names, and propertyNames restricts them", () => {
  const schema = {
    type: "object",
    patternProperties: { "^n": { type: "integer" }, "s$": { maximum: 5 } },
    additionalProperties: { type: "null" },
    propertyNames: { maxLength: 3 },
  };
  const right = ['{"n":9}', '{"ns":5}', '{"s":1}', '{"x":null}', '{"n":1,"x":null}'];
  const wrong = ['{"n":"9"}', '{"ns":9}', '{"x":1}', '{"long":null}'];
  assertEquals(taken(schema, [...right, ...wrong]), right);
});

Deno.test("tuples end where the schema does", () => {
  const schema = { type: "array", prefixItems: [{ const: 1 }, { const: 2 }] };
  assertEquals(taken(schema, ["[]", "[1]", "[1, 2]", "[1,2,3]", "[2]"]), ["[]", "[1]", "[1, 2]"]);
  assertEquals(
    taken({ ...schema, items: { const: 3 }, minItems: 2 }, ["[1]", "[1,2]", "[1,2,3,3]"]),
    [
      "[1,2]",
      "[1,2,3,3]",
    ],
  );
  const draft7 = { type: "array", items: [{ const: 1 }], additionalItems: { const: 2 } };
  assertEquals(taken(draft7, ["[1,2]", "[2]"]), ["[1,2]"]);
});

Deno.test("an array with contradictory item counts has no value", () => {
  const schema = { type: ["array", "null"], minItems: 3, maxItems: 1 };
  assertEquals(taken(schema, ["[]", "[1]", "[1,1]", "[1,1,1]", "null"]), ["null"]);
});

Deno.test("bounds beyond integer digits still apply to numbers with exponents", () => {
  const texts = ["5", "1e20", "-1e20"];
  assertEquals(taken({ type: "number", minimum: -1e16 }, texts), ["5"]);
  assertEquals(taken({ type: "number", maximum: 1e16 }, texts), ["5"]);
  assertEquals(taken({ type: "number" }, texts), texts);
});

Deno.test("optional unsatisfiable parts are removed", () => {
  const schema = {
    type: "object",
    properties: { a: false, b: { const: 1 }, c: { $ref: "#/$defs/endless" } },
    $defs: {
      endless: { type: "object", properties: { x: { $ref: "#/$defs/endless" } }, required: ["x"] },
    },
  };
  assertEquals(taken(schema, ["{}", '{"b":1}']), ["{}", '{"b":1}']);
  assert(!schemaToGrammar(schema).includes("endless"));
});

Deno.test("annotations are ignored", () => {
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "t",
    description: "d",
    default: 3,
    examples: [1],
    deprecated: true,
    readOnly: true,
    "x-order": 1,
    type: "boolean",
  };
  assertEquals(taken(schema, ["true", "1"]), ["true"]);
});

Deno.test("keywords of one type imply it, and null may be added", () => {
  assertEquals(taken({ properties: { a: {} } }, ["{}", "1"]), ["{}"]);
  assertEquals(taken({ minimum: 3 }, ["4", '"s"']), ["4"]);
  assertEquals(taken({ type: "integer", nullable: true }, ["4", "null"]), ["4", "null"]);
  assertEquals(taken({}, ["4", "null", '{"a":[]}']), ["4", "null", '{"a":[]}']);
});

Deno.test("an integer format allows no fractions, whatever the type", () => {
  const texts = ["4", "4.5", "2147483648"];
  assertEquals(taken({ type: "number", format: "int32" }, texts), ["4"]);
  assertEquals(taken({ format: "int64" }, texts), ["4", "2147483648"]);
  assertEquals(taken({ enum: [4, 4.5], format: "int32" }, texts), ["4"]);
  assertEquals(taken({ type: "number", format: "float" }, texts), texts);
});

Deno.test("a builder combines schemas with handwritten rules", () => {
  const builder = new GrammarBuilder({ compact: true });
  const first = builder.addSchema(
    { type: "object", properties: { a: { type: "integer" } } },
    "args",
  );
  const second = builder.addSchema({ type: "array", items: { type: "string" } }, "args");
  const any = builder.addJsonObject();
  assert(first !== second);
  builder.addRule(
    "root",
    `${literal('<call "x">\n')} (${first} | ${second}) ${literal("\t")} ${any}`,
  );
  const source = builder.toString();
  assert(source.startsWith("root ::= "));
  const grammar = parseGbnf(source);
  assert(matches(grammar, '<call "x">\n{"a":1}\t{}'));
  assert(matches(grammar, '<call "x">\n["b"]\t{"c":null}'));
  assert(!matches(grammar, '<call "x">\n1\t{}'));
  assertThrows(() => builder.addRule("root", '"again"'), TypeError, "taken");
  assertThrows(() => builder.addRule("ws", '"mine"'), TypeError, "taken");
  assertThrows(() => builder.addRule("a_b", '"x"'), TypeError, "name");
});

Deno.test("the JSON object grammar accepts any JSON object", () => {
  const grammar = parseGbnf(jsonObjectGrammar());
  const texts = ["{}", '{"a": [1, -2.5e3, true, null, {"b": "c"}]}', "[]", '{"a"}', '{"a":01}'];
  assertEquals(texts.filter((text) => matches(grammar, text)), texts.slice(0, 2));
});
