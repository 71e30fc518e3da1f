import { assertEquals } from "@std/assert";
import { fieldsOf } from "./fields.ts";

Deno.test("fields are listed with their objects, types and limits", () => {
  const fields = fieldsOf({
    type: "object",
    properties: {
      model: { anyOf: [{ type: "string" }, { type: "null" }], description: "The model" },
      n: { type: "integer", minimum: 1, maximum: 9007199254740991 },
      top_p: { type: "number", minimum: 0, maximum: 1 },
      messages: {
        type: "array",
        items: {
          type: "object",
          properties: { role: { enum: ["user", "system"] } },
          required: ["role"],
        },
      },
    },
    required: ["messages"],
  });
  assertEquals(fields.map(({ name, type, isRequired }) => [name, type, isRequired]), [
    ["model", "string", false],
    ["n", "integer from 1", false],
    ["top_p", "number from 0 to 1", false],
    ["messages", "list of object", true],
    ["messages[].role", '"user" or "system"', true],
  ]);
  assertEquals(fields[0]!.description, "The model");
});

Deno.test("fields of all forms of a body are listed once", () => {
  const form = (...names: string[]) => ({
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
  });
  const fields = fieldsOf({ anyOf: [form("a", "b"), form("b", "c")] });
  assertEquals(fields.map(({ name }) => name), ["a", "b", "c"]);
});
