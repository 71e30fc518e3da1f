/** What clients of Ollama's server rely on beside the main fields: versions, wording, lenient bodies. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { serverDouble, type ServerDoubleOptions } from "../../../../tests/doubles/server.ts";
import { TINY_TEMPLATE } from "../../../../tests/doubles/tiny_template.ts";
import { ShimmyError } from "../../../errors.ts";
import type { SequenceRequest } from "../../../engine/protocol/mod.ts";
import { ollamaRoutes } from "./mod.ts";

const CHAT = { model: "double", messages: [{ role: "user", content: "Hello" }] };
const CALL = ["<tool_call>\n", '{"name": "add", "arguments": ', '{"a": 1}}', "\n</tool_call>"];
const TOOLS = [{ type: "function", function: { name: "add", parameters: { type: "object" } } }];

function server(options: ServerDoubleOptions = {}) {
  return serverDouble({ routes: ollamaRoutes, ...options });
}

function promptText({ prompt }: SequenceRequest): string {
  return prompt.map((part) => {
    if ("tokens" in part) return `[${part.tokens}]`;
    return "text" in part ? part.text : part.media.field;
  }).join("");
}

Deno.test("version is a version of Ollama that clients accept, and the server's own", async () => {
  const response = await server().send("GET", "/ollama/api/version");
  const { version, shimmy } = await response.json();
  assertEquals(shimmy, "1.2.3");
  const [, minor, patch] = version.split(".").map(Number);
  // Codex requires 0.13.4.
  assert(minor * 100 + patch >= 1304, version);
});

Deno.test("unknown fields are ignored and reported, and null counts as absent", async () => {
  const { engine, send } = server();
  const body = {
    ...CHAT,
    messages: [{ role: "user", content: "Hello", name: null, tool_calls: null, mood: "good" }],
    stream: false,
    temperature: null,
    top_p: 0.25,
    options: { num_predict: null, warmth: 1 },
    truncate: true,
    shift: true,
  };
  const response = await send("POST", "/api/chat", body);
  assertEquals((await response.json()).message.content, "Hello world");
  assertEquals(
    response.headers.get("x-shimmy-ignored")?.split(", ").sort(),
    ["messages[].mood", "options.warmth", "shift", "truncate"],
  );
  assertEquals(engine.requests[0]!.sampling, { topP: 0.25 });
  const strict = await send("POST", "/api/chat", body, { "x-shimmy-strict": "1" });
  assertEquals(strict.status, 400);
});

Deno.test("an absent body is refused in Ollama's words", async () => {
  const response = await server().send("POST", "/api/show");
  assertEquals([response.status, await response.json()], [400, { error: "missing request body" }]);
});

Deno.test("a model that computes embeddings supports neither chat nor generate", async () => {
  const { send } = server({ entry: { kind: "embedding" } });
  const chat = await send("POST", "/api/chat", CHAT);
  assertEquals(chat.status, 400);
  assertEquals(await chat.json(), { error: '"double" does not support chat' });
  const generate = await send("POST", "/ollama/api/generate", { model: "double", prompt: "x" });
  assertEquals(await generate.json(), { error: '"double" does not support generate' });
});

Deno.test("a full queue is reported as busy", async () => {
  const error = new ShimmyError("overloaded", "The queue is full: 256 requests are waiting");
  const { send } = server({ engine: { script: { tokens: [], error } } });
  const response = await send("POST", "/api/chat", { ...CHAT, stream: false });
  assertEquals(response.status, 503);
  assertStringIncludes((await response.json()).error, "server busy");
});

Deno.test("tool_choice decides whether tools are used", async () => {
  const engine = { info: { chatTemplate: TINY_TEMPLATE }, script: { tokens: CALL } };
  for (const [tool_choice, isUsed] of [["none", false], ["auto", true]] as const) {
    const { send } = server({ engine });
    const body = { ...CHAT, stream: false, tools: TOOLS, tool_choice };
    const { message } = await (await send("POST", "/api/chat", body)).json();
    assertEquals(message.tool_calls !== undefined, isUsed);
  }
});

Deno.test("embed loads the model when there is no input", async () => {
  for (const input of [undefined, null, "", []]) {
    const { entry, pool, send } = server();
    const response = await send("POST", "/api/embed", { model: "double", input });
    assertEquals((await response.json()).embeddings, []);
    assertEquals(pool.state(entry).state, "loaded");
  }
});

Deno.test("generate takes messages in place of a prompt", async () => {
  const { engine, send } = server();
  const messages = [{ role: "system", content: "Be brief." }, { role: "user", content: "Hi" }];
  const body = { model: "double", prompt: null, messages, stream: false };
  const { response } = await (await send("POST", "/ollama/api/generate", body)).json();
  assertEquals(response, "Hello world");
  assertStringIncludes(promptText(engine.requests[0]!), "system\nBe brief.");
  assertStringIncludes(promptText(engine.requests[0]!), "user\nHi");
});

Deno.test("num_ctx bounds the context of the request", async () => {
  const { engine, send } = server();
  await (await send("POST", "/api/chat", { ...CHAT, options: { num_ctx: 64 } })).text();
  assertEquals(engine.requests[0]!.contextLength, 64);
  const body = { model: "double", input: "x".repeat(20), options: { num_ctx: 8 } };
  const cut = await (await send("POST", "/api/embed", body)).json();
  assertEquals(cut.prompt_eval_count, 8);
  const refused = await send("POST", "/api/embed", { ...body, truncate: false });
  assertEquals(refused.status, 400);
});

Deno.test("_debug_render_only returns the prompt instead of an answer", async () => {
  const { engine, send } = server();
  const chat = await send("POST", "/api/chat", { ...CHAT, _debug_render_only: true });
  const { _debug_info: info, done } = await chat.json();
  assertStringIncludes(info.rendered_template, "user\nHello");
  assertEquals(done, false);
  const generate = await send("POST", "/ollama/api/generate", {
    model: "double",
    prompt: "Once",
    raw: true,
    _debug_render_only: true,
  });
  assertEquals((await generate.json())._debug_info, { rendered_template: "Once" });
  assertEquals(engine.requests, []);
});

Deno.test("generate returns a context, which continues the conversation", async () => {
  const { engine, send } = server();
  const ask = async (fields: Record<string, unknown>) => {
    const body = { model: "double", stream: false, ...fields };
    return await (await send("POST", "/ollama/api/generate", body)).json();
  };
  const { context } = await ask({ prompt: "Hi" });
  assert(context.length > 0);
  const text = await engine.detokenize(context);
  assertStringIncludes(text, "user\nHi");
  assertStringIncludes(text, "assistant\nHello world");
  await ask({ prompt: "And?", context });
  const { prompt } = engine.requests[1]!;
  assertEquals(prompt[0], { tokens: context });
  assertStringIncludes(promptText(engine.requests[1]!), "user\nAnd?");
  assertEquals((await ask({ prompt: "Once", raw: true })).context, undefined);
  assertEquals(await ask({ prompt: "Once", raw: true, context: [1] }), {
    error: "context: cannot be combined with raw",
  });
  assertEquals(await ask({ prompt: "Hi", context: ["a"] }), {
    error: "context[0]: must be a whole number, 0 or more",
  });
});
