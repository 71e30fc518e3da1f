import { assert } from "@std/assert";
import { matches, parseGbnf } from "../../../tests/grammar/gbnf.ts";
import { GrammarBuilder } from "../../grammar/mod.ts";
import type { Tool, ToolCall } from "../conversation/conversation.ts";
import { withUsableSchema } from "../conversation/tool_schema.ts";
import { FORMATS } from "./detect.ts";
import { GrammarRules } from "./shared/gbnf.ts";
import type { ToolFormat } from "./shared/format.ts";

/** Whether the grammar of a format accepts a call of a tool with these parameters. */
function accepts(format: ToolFormat, parameters: Tool["parameters"], value: unknown): boolean {
  const tools = [withUsableSchema({ name: "f", parameters }, 0)];
  const rules = new GrammarRules(new GrammarBuilder());
  const grammar = parseGbnf(rules.print(format.grammar(tools, rules, false)));
  const call: ToolCall = { id: "call00001", name: "f", arguments: JSON.stringify(value) };
  const text = format.write([{ ...call, arguments: call.arguments.replaceAll('":', '": ') }]);
  return matches(grammar, text.replace(/<\|call\|>$/, ""));
}

/** A schema of an object whose properties are all required. */
function object(properties: Record<string, unknown>): Tool["parameters"] {
  return { type: "object", properties, required: Object.keys(properties) };
}

/** Schemas as clients send them, with values that must and must not be accepted. */
const CASES: readonly (readonly [Tool["parameters"], unknown, unknown?])[] = [
  [{ type: "object", properties: { a: { enum: ["x", null] } } }, { a: "x" }, { a: "y" }],
  [{ type: "object", properties: { a: { enum: ["x", null] } } }, { a: null }],
  [{ type: "object", properties: { a: { type: "string", enum: null } } }, { a: "x" }],
  [{ type: "object", properties: { a: { type: "integer", nullable: true } } }, { a: null }],
  [{ type: "object", properties: { a: { type: "integer", nullable: true } } }, { a: 3 }, {
    a: true,
  }],
  [{ type: "object", properties: null }, {}],
  [{ type: "object", properties: { a: { type: "integer" } }, required: null }, {}],
  [{ type: "object", properties: { a: { type: "integer" } }, required: true }, { a: 1 }],
  [{ type: "object", properties: { a: { type: "integer", required: true } } }, { a: 1 }, {}],
  [{ type: "object", properties: { a: null, b: { type: "integer" } } }, { a: 1, b: 2 }, {
    a: 1,
    b: false,
  }],
  [{ type: "object", properties: { a: { type: "INTEGER" } } }, { a: 1 }, { a: false }],
  [{ type: "object", properties: { a: { type: ["integer", null] } } }, { a: null }],
  [
    { type: "object", properties: { a: { type: "integer", not: { const: 3 } } } },
    { a: 4 },
    { a: false },
  ],
  [object({ a: { const: "x" } }), { a: "x" }, { a: "y" }],
  [object({ a: { type: "string", pattern: "^[a-c]+$" } }), { a: "abc" }, { a: "abd" }],
  [object({ a: { type: "string", maxLength: 3 } }), { a: "abc" }, { a: "abcd" }],
  [object({ a: { type: "string", format: "date" } }), { a: "2024-02-29" }, { a: "2024-02-30" }],
  [
    { ...object({ a: { $ref: "#/$defs/color" } }), $defs: { color: { enum: ["red", "blue"] } } },
    { a: "red" },
    { a: "green" },
  ],
  [
    { ...object({ a: { $ref: "#/$defs/n" } }), $defs: { n: { type: "integer" } } },
    { a: 3 },
    { a: false },
  ],
  [
    { $ref: "#/$defs/arguments", $defs: { arguments: object({ a: { type: "integer" } }) } },
    { a: 3 },
    { a: false },
  ],
  [
    { anyOf: [object({ a: { type: "integer" } }), object({ b: { enum: ["x"] } })] },
    { b: "x" },
    { b: "y" },
  ],
  [{ type: "object", additionalProperties: { type: "integer" } }, { any: 3, other: 4 }, {
    any: false,
  }],
];

Deno.test("schemas that repeat each other end in bounded time", () => {
  const branches = Array.from({ length: 20 }, () => ({ $ref: "#/$defs/node" }));
  const node = {
    type: "object",
    properties: Object.fromEntries(branches.map((branch, index) => [`p${index}`, branch])),
    anyOf: branches,
  };
  const start = performance.now();
  const names = ["hermes", "qwen3-coder", "gemma4", "minimax-m3", "pythonic"];
  for (const format of FORMATS.filter(({ name }) => names.includes(name))) {
    accepts(format, { ...object({ a: { anyOf: branches } }), $defs: { node } }, {});
    accepts(format, { anyOf: [{ $ref: "#" }, { $ref: "#" }, { $ref: "#/$defs/node" }] }, {});
  }
  assert(performance.now() - start < 20_000);
});

for (const format of FORMATS) {
  Deno.test(`${format.name}: odd schemas of tools keep the constraint that can be kept`, () => {
    for (const [parameters, valid, invalid] of CASES) {
      const what = JSON.stringify(parameters);
      assert(accepts(format, parameters, valid), `${what} refuses ${JSON.stringify(valid)}`);
      // A context-free grammar cannot repeat the name of an element in its closing tag.
      const isOpen = "additionalProperties" in parameters && format.name === "minimax-m3";
      if (invalid === undefined || isOpen) continue;
      assert(!accepts(format, parameters, invalid), `${what} accepts ${JSON.stringify(invalid)}`);
    }
  });
}
