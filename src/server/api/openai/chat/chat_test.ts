import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { ShimmyError } from "../../../../errors.ts";
import type { EngineDoubleOptions, Script } from "../../../../../tests/doubles/engine.ts";
import { readEvents, serverDouble } from "../../../../../tests/doubles/server.ts";
import { openaiRoutes } from "../mod.ts";

const PATH = "/v1/chat/completions";
const HELLO = [{ role: "user", content: "Hello" }];

const serve = (options?: EngineDoubleOptions) =>
  serverDouble({ routes: openaiRoutes, ...(options === undefined ? {} : { engine: options }) });
const says = (...tokens: string[]): Script => ({ tokens });

Deno.test("an answer has OpenAI's shape", async () => {
  const { request } = serve();
  const response = await request(PATH, { model: "double", messages: HELLO });
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("content-type"), "application/json; charset=utf-8");
  const { id, created, system_fingerprint, usage, timings, ...rest } = await response.json();
  assertMatch(id, /^chatcmpl-[0-9a-f]{24}$/);
  assertMatch(system_fingerprint, /^fp_[0-9a-f]{10}$/);
  assertEquals(Math.abs(Date.now() / 1000 - created) < 60, true);
  assertEquals(rest, {
    object: "chat.completion",
    model: "double",
    choices: [{
      index: 0,
      message: { role: "assistant", content: "Hello world", refusal: null },
      logprobs: null,
      finish_reason: "stop",
    }],
  });
  assertEquals(usage.completion_tokens, 2);
  assertEquals(usage.total_tokens, usage.prompt_tokens + 2);
  assertEquals(usage.prompt_tokens_details, { cached_tokens: 0 });
  assertEquals([timings.prompt_n, timings.predicted_n], [usage.prompt_tokens, 2]);
});

Deno.test("metadata and the service tier come back with the answer", async () => {
  const { request } = serve();
  const body = { messages: HELLO, metadata: { run: "7" }, service_tier: "auto" };
  const answer = await (await request(PATH, body)).json();
  assertEquals(answer.metadata, { run: "7" });
  assertEquals(answer.service_tier, "default");
});

Deno.test("the fingerprint stays the same from request to request", async () => {
  const { request } = serve();
  const one = await (await request(PATH, { messages: HELLO })).json();
  const two = await (await request(PATH, { messages: HELLO })).json();
  assertEquals(one.system_fingerprint, two.system_fingerprint);
  assertNotEquals(one.id, two.id);
});

Deno.test("n choices have their own seeds and share the prompt's count", async () => {
  const { request, engine } = serve({
    script: (_, index) => says(`answer ${index}`),
  });
  const answer = await (await request(PATH, { messages: HELLO, n: 3, seed: 10 })).json();
  assertEquals(
    answer.choices.map((choice: { index: number; message: { content: string } }) => [
      choice.index,
      choice.message.content,
    ]),
    [[0, "answer 0"], [1, "answer 1"], [2, "answer 2"]],
  );
  assertEquals(engine.requests.map(({ sampling }) => sampling.seed), [10, 11, 12]);
  assertEquals(answer.usage.completion_tokens, 3);
});

Deno.test("more choices than the engine runs at once are made one after the other", async () => {
  let most = 0;
  const server = serve({
    info: { parallel: 2 },
    beforeToken: () => {
      most = Math.max(most, server.engine.running);
    },
  });
  const answer = await (await server.request(PATH, { messages: HELLO, n: 5 })).json();
  assertEquals(answer.choices.length, 5);
  assertEquals(most, 2);
});

Deno.test("a streamed answer is chunks, usage and [DONE]", async () => {
  const { request } = serve();
  const body = { messages: HELLO, stream: true, stream_options: { include_usage: true } };
  const response = await request(PATH, body);
  assertEquals(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  const events = (await readEvents(response)).map(({ data }) => data);
  assertEquals(events.at(-1), "[DONE]");
  const chunks = events.slice(0, -1).map((data) => JSON.parse(data));
  assertEquals(
    chunks.slice(0, -1).map(({ choices: [choice] }) =>
      choice.delta.content ?? choice.finish_reason
    ),
    [null, "Hello", " world", "stop"],
  );
  assertEquals(new Set(chunks.map(({ id }) => id)).size, 1);
  assertEquals(chunks.at(-1).usage.completion_tokens, 2);
});

Deno.test("a tool call comes back as one, and its marks do not", async () => {
  const script = says(
    '<tool_call>\n{"name": "add", ',
    '"arguments": {"a": 1, "b": 2}}\n</tool_call>',
  );
  const tools = [{
    type: "function",
    function: {
      name: "add",
      parameters: { type: "object", properties: { a: { type: "number" }, b: { type: "number" } } },
    },
  }];
  const { request } = serve({ script });
  const answer = await (await request(PATH, { messages: HELLO, tools })).json();
  const [choice] = answer.choices;
  assertEquals(choice.finish_reason, "tool_calls");
  assertEquals(choice.message.content, null);
  const [call] = choice.message.tool_calls;
  assertEquals(call.type, "function");
  assertEquals(call.function.name, "add");
  assertEquals(JSON.parse(call.function.arguments), { a: 1, b: 2 });
});

Deno.test("reasoning is apart from the answer", async () => {
  const { request } = serve({ script: says("<think>", "Hm.", "</think>", "Four.") });
  const answer = await (await request(PATH, { messages: HELLO })).json();
  assertEquals(answer.choices[0].message.reasoning_content.trim(), "Hm.");
  assertEquals(answer.choices[0].message.content, "Four.");
});

Deno.test("an unknown model is 404 with OpenAI's code", async () => {
  const { request } = serve();
  const response = await request(PATH, { model: "gpt-5", messages: HELLO });
  assertEquals(response.status, 404);
  assertEquals(await response.json(), {
    error: {
      message: "Model 'gpt-5' not found",
      type: "invalid_request_error",
      param: "model",
      code: "model_not_found",
    },
  });
});

for (const stream of [false, true]) {
  Deno.test(`a prompt over the context is 400, stream: ${stream}`, async () => {
    const { request } = serve({ info: { contextLength: 16 } });
    const response = await request(PATH, { messages: HELLO, stream });
    assertEquals(response.status, 400);
    const { error } = await response.json();
    assertEquals(error.code, "context_length_exceeded");
    assertMatch(error.message, /\b16\b/);
  });
}

Deno.test("a failed backend asks clients not to retry", async () => {
  const error = new ShimmyError("backend", "Generation failed");
  const { request } = serve({ script: { tokens: [], error } });
  const response = await request(PATH, { messages: HELLO });
  assertEquals(response.status, 502);
  assertEquals(response.headers.get("x-should-retry"), "false");
  assertEquals((await response.json()).error.type, "server_error");
});

Deno.test("a full queue asks clients to retry later", async () => {
  const error = new ShimmyError("overloaded", "The queue is full", { retryAfter: 2 });
  const { request } = serve({ script: { tokens: [], error } });
  const response = await request(PATH, { messages: HELLO });
  assertEquals(response.status, 503);
  assertEquals(response.headers.get("retry-after"), "2");
  assertEquals(response.headers.get("x-should-retry"), null);
  assertEquals((await response.json()).error.code, "overloaded");
});

Deno.test("a failure during a stream ends it without [DONE]", async () => {
  const error = new ShimmyError("backend", "Generation failed");
  const { request } = serve({ script: { tokens: ["Hel", "lo"], error } });
  const events = await readEvents(await request(PATH, { messages: HELLO, stream: true }));
  assertEquals(JSON.parse(events.at(-1)!.data).error.message, "Generation failed");
});

Deno.test("a client that leaves a stream frees its sequences", async () => {
  const server = serve({ script: { tokens: ["again "], endless: true } });
  const response = await server.request(PATH, { messages: HELLO, stream: true, n: 2 });
  const reader = response.body!.getReader();
  for (let chunk = 0; chunk < 6; chunk++) await reader.read();
  await reader.cancel();
  while (server.engine.running > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(server.engine.finished.length, 2);
});

Deno.test("notices are in the answer, and in the chunk that ends a choice", async () => {
  const { request } = serve({ script: { tokens: ["a"], notices: [{ message: "session: gone" }] } });
  const answer = await (await request(PATH, { messages: HELLO, n: 2 })).json();
  assertEquals(answer.notices, ["session: gone"]);
  const events = await readEvents(await request(PATH, { messages: HELLO, stream: true }));
  const chunks = events.slice(0, -1).map(({ data }) => JSON.parse(data));
  assertEquals(chunks.map(({ notices }) => notices), [undefined, undefined, ["session: gone"]]);
});

Deno.test("the sampling of the reasoning reaches the sequence", async () => {
  const { request, engine } = serve();
  const body = { messages: HELLO, reasoning_sampling: { temperature: 1, top_k: 3 } };
  await (await request(PATH, body)).json();
  assertEquals(engine.requests[0]?.reasoning?.sampling, { temperature: 1, topK: 3 });
});

Deno.test("a grammar with a mistake is refused in OpenAI's shape, also where the answer streams", async () => {
  const { request, engine } = serve();
  for (
    const [path, body] of [[PATH, { messages: HELLO }], ["/v1/completions", {
      prompt: "a",
    }]] as const
  ) {
    for (const stream of [false, true]) {
      const response = await request(path, { ...body, stream, grammar: "root ::= [a" });
      assertEquals(response.status, 400);
      assertEquals((await response.json()).error, {
        message: 'grammar: line 1, column 10: the class is not closed: it needs a "]"',
        type: "invalid_request_error",
        param: "grammar",
        code: null,
      });
    }
  }
  assertEquals(engine.requests, []);
});

Deno.test("the fingerprint depends on the adapters of the answer", async () => {
  const { request, engine } = serverDouble({ routes: openaiRoutes });
  const of = async (model: string) => {
    const body = { model, messages: [{ role: "user", content: "Hello" }] };
    return (await (await request("/v1/chat/completions", body)).json()).system_fingerprint;
  };
  const plain = await of("double");
  const adapted = await of("double:pirate");
  assertNotEquals(adapted, plain);
  assertEquals(await of("double"), plain);
  assertEquals(await of("double:pirate"), adapted);
  await engine.changeAdapters({ action: "scale", name: "pirate", scale: 0.5 });
  const scaled = await of("double");
  assertEquals(new Set([plain, adapted, scaled]).size, 3);
  assertEquals(await of("double:pirate"), adapted);
});

Deno.test("continuous usage reports the tokens so far in each chunk", async () => {
  const { request } = serve();
  const usagesOf = async (stream_options: Record<string, boolean>) => {
    const body = { messages: HELLO, stream: true, stream_options };
    const events = await readEvents(await request(PATH, body));
    return events.slice(0, -1).map(({ data }) => JSON.parse(data).usage);
  };
  const whole = await (await request(PATH, { messages: HELLO })).json();
  const prompt = whole.usage.prompt_tokens;
  const usages = await usagesOf({ include_usage: true, continuous_usage_stats: true });
  assertEquals(
    usages.map((usage) => [usage.prompt_tokens, usage.completion_tokens, usage.total_tokens]),
    [0, 1, 2, 2, 2].map((tokens) => [prompt, tokens, prompt + tokens]),
  );
  assertEquals(await usagesOf({ continuous_usage_stats: true }), Array(4).fill(undefined));
});

Deno.test("prompt_logprobs reports the prompt's log probabilities once for all choices", async () => {
  const { request, engine } = serve({ info: { chatTemplate: "{{ messages[0].content }}" } });
  const body = { messages: HELLO, prompt_logprobs: 1, n: 2 };
  const answer = await (await request(PATH, body)).json();
  assertEquals(engine.requests.map(({ promptLogprobs }) => promptLogprobs), [1, undefined]);
  assertEquals(answer.prompt_logprobs.length, answer.usage.prompt_tokens);
  assertEquals(answer.prompt_logprobs[0], null);
  const [first] = Object.values(answer.prompt_logprobs[1]) as Record<string, unknown>[];
  assertEquals(Object.keys(first!), ["logprob", "rank", "decoded_token"]);
  const { status } = await request(PATH, { ...body, stream: true });
  assertEquals(status, 400);
});

Deno.test("fields of llama-server reach the engine, and chunks report progress and timings", async () => {
  const { request, engine } = serve();
  const fields = {
    id_slot: 3,
    return_progress: true,
    timings_per_token: true,
    cache_prompt: false,
  };
  for (const path of [PATH, "/v1/completions"]) {
    const response = await request(path, { ...ownFields(path), ...fields, stream: true });
    assertEquals(response.headers.get("x-shimmy-ignored"), null);
    const chunks = (await readEvents(response)).slice(0, -1).map(({ data }) => JSON.parse(data));
    const { slot, reportsProgress, reportsTimings, cachePrompt } = engine.requests.at(-1)!;
    assertEquals([slot, reportsProgress, reportsTimings, cachePrompt], [3, true, true, false]);
    const progress = chunks.filter((chunk) => chunk.prompt_progress !== undefined);
    const { prompt_progress: last } = progress.at(-1);
    assertEquals([last.processed, last.cache], [last.total, 0]);
    const predicted = chunks.filter((chunk) => chunk.timings !== undefined)
      .map(({ timings }) => timings.predicted_n);
    assertEquals(predicted, [0, 0, 1, 2, 2]);
  }
});

Deno.test("a verbose answer has the prompt", async () => {
  const { request } = serve();
  const answer = await (await request(PATH, { messages: HELLO, verbose: true })).json();
  assertEquals(answer.__verbose.prompt.includes("<|im_start|>assistant"), true);
  assertEquals("__verbose" in await (await request(PATH, { messages: HELLO })).json(), false);
});

Deno.test("without streaming, progress and timings of tokens are not requested", async () => {
  const { request, engine } = serve();
  const body = { messages: HELLO, id_slot: -1, return_progress: true, timings_per_token: true };
  await (await request(PATH, body)).body?.cancel();
  const { slot, reportsProgress, reportsTimings } = engine.requests[0]!;
  assertEquals([slot, reportsProgress, reportsTimings], [undefined, undefined, undefined]);
});

function ownFields(path: string): Record<string, unknown> {
  return path === PATH ? { messages: HELLO } : { prompt: "Hello" };
}
