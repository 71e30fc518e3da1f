import { assertEquals, assertStringIncludes } from "@std/assert";
import { readEvents, serverDouble } from "../../../tests/doubles/server.ts";
import { anthropicRoutes } from "./anthropic/mod.ts";
import { ollamaRoutes } from "./ollama/mod.ts";
import { openaiRoutes } from "./openai/mod.ts";

const HELLO = [{ role: "user", content: "Hello" }];
const routes = [...openaiRoutes, ...anthropicRoutes, ...ollamaRoutes];

type Schema = Record<string, unknown>;

/** The same tool in every dialect, with the field of its schema. */
const DIALECTS: readonly {
  readonly path: string;
  readonly field: string;
  readonly body: (schema: Schema, strict: boolean) => Schema;
}[] = [
  {
    path: "/v1/chat/completions",
    field: "tools[1].function.parameters",
    body: (parameters, strict) => ({
      messages: HELLO,
      tools: [
        { type: "function", function: { name: "other" } },
        { type: "function", function: { name: "f", parameters, strict } },
      ],
    }),
  },
  {
    path: "/v1/responses",
    field: "tools[1].parameters",
    body: (parameters, strict) => ({
      input: "Hello",
      tools: [
        { type: "function", name: "other" },
        { type: "function", name: "f", parameters, strict },
      ],
    }),
  },
  {
    path: "/v1/messages",
    field: "tools[1].input_schema",
    body: (input_schema, strict) => ({
      messages: HELLO,
      max_tokens: 100,
      tools: [
        { name: "other", input_schema: { type: "object" } },
        { name: "f", input_schema, strict },
      ],
    }),
  },
  {
    path: "/api/chat",
    field: "tools[1].function.parameters",
    body: (parameters, strict) => ({
      messages: HELLO,
      stream: false,
      tools: [
        { type: "function", function: { name: "other" } },
        { type: "function", function: { name: "f", parameters, strict } },
      ],
    }),
  },
];

const LOOKAHEAD = {
  type: "object",
  properties: { a: { type: "string", pattern: "(?=x)" }, b: { type: "integer" } },
  required: ["b"],
};

for (const { path, field, body } of DIALECTS) {
  const send = async (schema: Schema, strict = false) => {
    const { request, engine } = serverDouble({ routes });
    const response = await request(path, { model: "double", ...body(schema, strict) });
    return { status: response.status, text: await response.text(), engine };
  };

  Deno.test(`${path}: a keyword that cannot be expressed keeps the rest of the schema`, async () => {
    const { status, text, engine } = await send(LOOKAHEAD);
    assertEquals(status, 200, text);
    const { source } = engine.requests[0]!.grammar!;
    assertStringIncludes(source, "json-integer");
    assertStringIncludes(text, `${field}: pattern at #/properties/a cannot be expressed`);
  });

  Deno.test(`${path}: a strict tool refuses a keyword that cannot be expressed`, async () => {
    const { status, text } = await send(LOOKAHEAD, true);
    assertEquals(status, 400);
    assertStringIncludes(text, `${field}: pattern at #/properties/a cannot be expressed`);
  });

  Deno.test(`${path}: only a strict tool refuses a format that is not known`, async () => {
    const schema = { type: "object", properties: { a: { type: "string", format: "color" } } };
    const relaxed = await send(schema);
    assertEquals(relaxed.status, 200, relaxed.text);
    assertStringIncludes(relaxed.text, `${field}: ignored format`);
    const strict = await send(schema, true);
    assertEquals(strict.status, 400);
    assertStringIncludes(strict.text, `${field}: format at #/properties/a cannot be expressed`);
  });

  Deno.test(`${path}: parameters that nest too deep are refused by field`, async () => {
    let deep: Schema = {};
    for (let level = 0; level < 5_000; level++) deep = { items: deep };
    const { status, text } = await send({ type: "object", properties: { a: deep } });
    assertEquals(status, 400, text);
    assertStringIncludes(text, field);
  });
}

Deno.test("arguments of calls that nest too deep are refused", async () => {
  const deep = `{"a": ${"[".repeat(5_000)}${"]".repeat(5_000)}}`;
  const calls = (value: unknown) => [{
    id: "a",
    type: "function",
    function: { name: "f", arguments: value },
  }];
  const bodies: readonly (readonly [string, Schema])[] = [
    ["/v1/chat/completions", {
      messages: [...HELLO, { role: "assistant", tool_calls: calls(deep) }],
    }],
    ["/v1/responses", {
      input: [{ type: "function_call", call_id: "a", name: "f", arguments: deep }],
    }],
    ["/v1/messages", {
      max_tokens: 10,
      messages: [...HELLO, {
        role: "assistant",
        content: [{ type: "tool_use", id: "a", name: "f", input: JSON.parse(deep) }],
      }],
    }],
    ["/api/chat", {
      messages: [...HELLO, {
        role: "assistant",
        tool_calls: [{ function: { name: "f", arguments: JSON.parse(deep) } }],
      }],
    }],
  ];
  for (const [path, body] of bodies) {
    const { request } = serverDouble({ routes });
    const response = await request(path, { model: "double", ...body });
    const text = await response.text();
    assertEquals(response.status, 400, `${path}: ${text}`);
    assertStringIncludes(text, "nest");
  }
});

Deno.test("a streamed answer has the notices too", async () => {
  const { request } = serverDouble({ routes });
  const chat = DIALECTS[0]!;
  const response = await request(chat.path, {
    model: "double",
    stream: true,
    ...chat.body(LOOKAHEAD, false),
  });
  const events = (await readEvents(response)).map(({ data }) => data).join("");
  assertStringIncludes(events, `${chat.field}: pattern at`);
});

Deno.test("the number of notices is bounded", async () => {
  const { request } = serverDouble({ routes, engine: { info: { contextLength: 9_000 } } });
  const chat = DIALECTS[0]!;
  const properties = Object.fromEntries(
    Array.from(
      { length: 50 },
      (_, index) => [`p${index}`, { type: "string", pattern: `(?=a)b${index}` }],
    ),
  );
  const body = { model: "double", ...chat.body({ type: "object", properties }, false) };
  const { notices } = await (await request(chat.path, body)).json();
  assertEquals(notices.length, 32);
  assertStringIncludes(notices.at(-1), "19 more");
});
