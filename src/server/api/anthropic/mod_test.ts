import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { serverDouble, type ServerDoubleOptions } from "../../../../tests/doubles/server.ts";
import { TINY_TEMPLATE } from "../../../../tests/doubles/tiny_template.ts";
import { ShimmyError } from "../../../errors.ts";
import { anthropicRoutes } from "./mod.ts";

const BODY = {
  model: "double",
  max_tokens: 16,
  messages: [{ role: "user", content: "Hello" }],
};

const TOOLS = [{
  name: "get_weather",
  description: "The weather of a city",
  input_schema: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
  },
}];

const CALL = [
  "<tool_call>\n",
  '{"name": "get_weather", ',
  '"arguments": {"city": ',
  '"Paris"}}',
  "\n</tool_call>",
];

function server(options: ServerDoubleOptions = {}) {
  return serverDouble({ routes: anthropicRoutes, ...options });
}

function calling(tokens: readonly string[]) {
  return server({ engine: { info: { chatTemplate: TINY_TEMPLATE }, script: { tokens } } });
}

/** Names of a stream's events, in order. */
async function eventNames(response: Response): Promise<string[]> {
  return Array.from((await response.text()).matchAll(/^event: (.*)$/gm), ([, name]) => name!);
}

Deno.test("a message is answered whole, with its request's id", async () => {
  const { send } = server();
  const response = await send("POST", "/v1/messages", BODY, { "x-request-id": "req-7" });
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("request-id"), "req-7");
  assertEquals(response.headers.get("content-type"), "application/json; charset=utf-8");
  const message = await response.json();
  assertMatch(message.id, /^msg_\w+$/);
  assertEquals({ ...message, id: "", usage: null }, {
    id: "",
    type: "message",
    role: "assistant",
    model: "double",
    content: [{ type: "text", text: "Hello world" }],
    stop_reason: "end_turn",
    stop_sequence: null,
    stop_details: null,
    container: null,
    usage: null,
  });
  assertEquals(message.usage.output_tokens, 2);
});

Deno.test("a stream has every named event in order", async () => {
  const { send } = server();
  const response = await send("POST", "/v1/messages", { ...BODY, stream: true });
  assertEquals(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  assertNotEquals(response.headers.get("request-id"), null);
  assertEquals(await eventNames(response), [
    "message_start",
    "ping",
    "content_block_start",
    "content_block_delta",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
  ]);
});

Deno.test("a stop sequence ends the answer and is named", async () => {
  const { send } = server();
  const body = { ...BODY, stop_sequences: [" wor"] };
  const { content, stop_reason, stop_sequence } = await (await send("POST", "/v1/messages", body))
    .json();
  assertEquals(content[0].text, "Hello");
  assertEquals({ stop_reason, stop_sequence }, {
    stop_reason: "stop_sequence",
    stop_sequence: " wor",
  });
});

Deno.test("max_tokens limits the answer", async () => {
  const { send } = server();
  const message = await (await send("POST", "/v1/messages", { ...BODY, max_tokens: 1 })).json();
  assertEquals([message.content[0].text, message.stop_reason], ["Hello", "max_tokens"]);
});

Deno.test("a call of the model becomes a tool_use block", async () => {
  const { send } = calling(CALL);
  const message = await (await send("POST", "/v1/messages", { ...BODY, tools: TOOLS })).json();
  const [block] = message.content;
  assertEquals({ ...block, id: "" }, {
    type: "tool_use",
    id: "",
    name: "get_weather",
    input: { city: "Paris" },
    caller: { type: "direct" },
  });
  assertEquals(message.stop_reason, "tool_use");
});

Deno.test("thoughts become a thinking block with a signature", async () => {
  const { send } = calling(["<think>\n", "Hm.", "\n</think>\n\n", "Yes."]);
  const message = await (await send("POST", "/v1/messages", BODY)).json();
  assertEquals(message.content.map(({ type }: { type: string }) => type), ["thinking", "text"]);
  assertMatch(message.content[0].thinking, /^\s*Hm\.\s*$/);
  assertNotEquals(message.content[0].signature, "");
});

Deno.test("counted tokens equal the prompt tokens of an answer", async () => {
  const { send } = calling(CALL);
  const { model, messages } = BODY;
  const asked = { model, messages, tools: TOOLS, system: "Be brief." };
  const counted = await (await send("POST", "/v1/messages/count_tokens", asked)).json();
  const message = await (await send("POST", "/v1/messages", { ...asked, max_tokens: 16 })).json();
  assertEquals(counted, { input_tokens: message.usage.input_tokens });
});

Deno.test("an unknown model is not_found_error, in the envelope and with the header", async () => {
  const { send } = server();
  const response = await send("POST", "/v1/messages", { ...BODY, model: "other" }, {
    "x-request-id": "req-8",
  });
  assertEquals(response.status, 404);
  assertEquals(response.headers.get("request-id"), "req-8");
  assertEquals(await response.json(), {
    type: "error",
    error: { type: "not_found_error", message: "Model 'other' not found" },
    request_id: "req-8",
  });
});

Deno.test("a thread is refused in the way that makes clients go on without", async () => {
  const { send } = server();
  const response = await send("POST", "/v1/messages", { ...BODY, thread: { type: "create" } });
  assertEquals(response.status, 400);
  assertEquals((await response.json()).error.details, {
    error_code: "thread_unsupported_request",
  });
});

Deno.test("a prompt over the context is refused before a stream begins", async () => {
  const { send } = server({ engine: { info: { contextLength: 8 } } });
  const response = await send("POST", "/v1/messages", { ...BODY, stream: true });
  assertEquals(response.status, 400);
  assertEquals((await response.json()).error.type, "invalid_request_error");
});

const FAILURES = [
  [new ShimmyError("overloaded", "The queue is full", { retryAfter: 3 }), 503, "overloaded_error"],
  [new ShimmyError("backend", "The model broke"), 502, "api_error"],
] as const;

for (const [error, status, type] of FAILURES) {
  Deno.test(`a failure of kind ${error.kind} is ${status} ${type}`, async () => {
    const { send } = server({ engine: { script: { tokens: [], error } } });
    const response = await send("POST", "/v1/messages", BODY);
    assertEquals(response.status, status);
    assertEquals((await response.json()).error, { type, message: error.message });
    const { headers } = response;
    assertEquals(headers.get("retry-after"), error.kind === "overloaded" ? "3" : null);
    assertEquals(headers.get("x-should-retry"), error.kind === "backend" ? "false" : null);
  });
}

Deno.test("without the key a request is authentication_error", async () => {
  const { send } = server({ settings: { apiKey: "secret" } });
  const response = await send("POST", "/v1/messages", BODY);
  assertEquals(response.status, 401);
  assertEquals((await response.json()).error.type, "authentication_error");
  const known = await send("POST", "/v1/messages", BODY, { "x-api-key": "secret" });
  assertEquals(known.status, 200);
  await known.body?.cancel();
});

Deno.test("a body over the limit is request_too_large", async () => {
  const { send } = server({ settings: { maxBodyBytes: 10 } });
  const response = await send("POST", "/v1/messages", BODY);
  assertEquals(response.status, 413);
  assertEquals((await response.json()).error.type, "request_too_large");
});

Deno.test("a client that leaves a stream ends the answer", async () => {
  const { engine, send } = server({ engine: { script: { tokens: ["a"], endless: true } } });
  const response = await send("POST", "/v1/messages", { ...BODY, max_tokens: 900, stream: true });
  const reader = response.body!.getReader();
  for (let events = 0; events < 4; events++) await reader.read();
  await reader.cancel();
  for (let waited = 0; engine.running > 0 && waited < 1000; waited++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assertEquals(engine.finished.length, 1);
  assertNotEquals(engine.finished[0], "length");
});

Deno.test("a message fits the schema that describes it", async () => {
  const { answer } = await anthropicRoutes[0]!.load!();
  const { send } = calling(["<think>\n", "Hm.", "\n</think>\n\n", ...CALL]);
  const message = await (await send("POST", "/v1/messages", { ...BODY, tools: TOOLS })).json();
  assertEquals(message.content.length, 2);
  answer!.parse(message);
});

Deno.test("both routes are described", async () => {
  const { send } = server();
  const { paths } = await (await send("GET", "/openapi.json")).json();
  const { properties } = paths["/v1/messages"].post.requestBody.content["application/json"].schema;
  assertEquals(properties.max_tokens.type, "integer");
  assertNotEquals(paths["/v1/messages/count_tokens"].post.requestBody, undefined);
});
