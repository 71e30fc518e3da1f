import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import type { Tool } from "./conversation.ts";
import { checkCallNesting, withUsableSchema } from "./tool_schema.ts";

const tool = (parameters: Tool["parameters"]): Tool => ({ name: "f", parameters });

Deno.test("keywords that are null are left out, values that are null stay", () => {
  const parameters = {
    type: "object",
    required: null,
    properties: {
      a: { type: "string", enum: null, default: null },
      b: { enum: ["x", null], const: null },
      c: null,
      d: { type: ["string", null], properties: null },
      e: { anyOf: [{ type: "string", pattern: null }, null] },
    },
  };
  assertEquals(withUsableSchema(tool(parameters), 0).parameters, {
    type: "object",
    properties: {
      a: { type: "string", default: null },
      b: { enum: ["x", null], const: null },
      c: {},
      d: { type: ["string", "null"] },
      e: { anyOf: [{ type: "string" }, {}] },
    },
  });
});

Deno.test("required in a property is a name in the list of its object", () => {
  const parameters = {
    type: "object",
    required: true,
    properties: { a: { type: "string", required: true }, b: { required: false } },
  };
  assertEquals(withUsableSchema(tool(parameters), 0).parameters, {
    type: "object",
    required: ["a"],
    properties: { a: { type: "string" }, b: {} },
  });
});

Deno.test("a schema in the expected form is the same object", () => {
  const given = tool({
    type: "object",
    properties: { a: { type: "string", enum: ["x"] }, b: { $ref: "#/$defs/b" } },
    required: ["a"],
    $defs: { b: { anyOf: [{ type: "null" }] } },
  });
  assertStrictEquals(withUsableSchema(given, 0), given);
});

Deno.test("parameters and arguments that nest too deep are refused by field", () => {
  let parameters: Record<string, unknown> = {};
  for (let level = 0; level < 5_000; level++) parameters = { items: parameters };
  const error = assertThrows(
    () => withUsableSchema({ ...tool(parameters), field: "tools[2].function.parameters" }, 2),
    ShimmyError,
  );
  assertEquals([error.kind, error.field], ["invalid", "tools[2].function.parameters"]);
  const call = (json: string) => [{
    role: "assistant" as const,
    content: "",
    toolCalls: [{ id: "a", name: "f", arguments: json }],
  }];
  const deep = `{"a": ${"[".repeat(5_000)}${"]".repeat(5_000)}}`;
  assertThrows(() => checkCallNesting(call(deep)), ShimmyError, "messages[0]: the arguments");
  checkCallNesting(call(`{"a": "${"[".repeat(5_000)}\\""}`));
});
