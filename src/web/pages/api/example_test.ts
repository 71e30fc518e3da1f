import { assertEquals } from "@std/assert";
import { exampleBody } from "./example.ts";

Deno.test("an example has the required fields, the model and a message", () => {
  const schema = {
    type: "object",
    properties: {
      model: { anyOf: [{ type: "string" }, { type: "null" }] },
      prompt: { type: "string" },
      messages: {
        type: "array",
        items: {
          type: "object",
          properties: {
            role: { enum: ["system", "user"] },
            content: { anyOf: [{ type: "array", items: {} }, { type: "string" }] },
            name: { type: "string" },
          },
          required: ["role", "content"],
        },
      },
      max_tokens: { type: "integer", minimum: 1 },
      stream: { type: "boolean" },
    },
    required: ["messages", "max_tokens"],
  };
  assertEquals(exampleBody(schema, "tiny"), {
    model: "tiny",
    messages: [{ role: "user", content: "Hello" }],
    max_tokens: 100,
  });
});

Deno.test("fixed values, defaults and limits are kept", () => {
  const schema = {
    type: "object",
    properties: {
      kind: { const: "fixed" },
      mode: { enum: ["a", "b"] },
      count: { type: ["integer", "null"], minimum: 3 },
      flag: { type: "boolean" },
      list: { type: "array" },
      level: { type: "number", default: 0.5 },
    },
    required: ["kind", "mode", "count", "flag", "list", "level"],
  };
  assertEquals(exampleBody(schema, "tiny"), {
    kind: "fixed",
    mode: "a",
    count: 3,
    flag: false,
    list: [],
    level: 0.5,
  });
});

Deno.test("of several kinds of messages, the example has one of a user", () => {
  const message = (role: string) => ({
    type: "object",
    properties: { role: { const: role }, content: { type: "string" } },
    required: ["role", "content"],
  });
  const items = { oneOf: [message("system"), message("user")] };
  const schema = { type: "object", properties: { messages: { type: "array", items } } };
  assertEquals(exampleBody(schema, "tiny"), {
    messages: [{ role: "user", content: "Hello" }],
  });
});
