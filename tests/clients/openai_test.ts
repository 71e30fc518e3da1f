import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { delay } from "@std/async/delay";
import OpenAI, {
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
} from "test:openai";
import { zodFunction, zodResponseFormat } from "test:openai/zod";
import * as z from "zod";
import { ShimmyError } from "../../src/errors.ts";
import { until } from "../doubles/context.ts";
import type { EngineDoubleOptions } from "../doubles/engine.ts";
import { doubleServer } from "./double_server.ts";
import { MODEL, tinyServer } from "./tiny_server.ts";

function clientOf({ url }: { readonly url: string }, apiKey = "none"): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 1 });
}

const ask = (content: string) => [{ role: "user" as const, content }];
const FRANCE = ask("What is the capital of France?");
const PARIS = "The capital of France is Paris.";

const WINDY = "The weather in Paris is windy, 7 degrees.";

const WEATHER = {
  type: "function" as const,
  function: {
    name: "get_weather",
    description: "Get the weather in a city",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
    },
  },
};

Deno.test("openai: a chat completion", async () => {
  await using server = tinyServer();
  const { data, response } = await clientOf(server).chat.completions.create({
    model: MODEL,
    messages: FRANCE,
    temperature: 0,
  }).withResponse();
  assertEquals(data.choices[0]!.message.content, PARIS);
  assertEquals(data.choices[0]!.finish_reason, "stop");
  assertEquals(data.usage!.total_tokens, data.usage!.prompt_tokens + data.usage!.completion_tokens);
  assert(response.headers.get("x-request-id"));
});

Deno.test("openai: a streamed chat completion, by hand and by its helper", async () => {
  await using server = tinyServer();
  const client = clientOf(server);
  const body = { model: MODEL, messages: FRANCE, temperature: 0 };
  let text = "";
  let tokens = 0;
  const stream = await client.chat.completions.create({
    ...body,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    tokens += chunk.usage?.completion_tokens ?? 0;
  }
  assertEquals(text, PARIS);
  assert(tokens > 0);
  const helper = client.chat.completions.stream(body);
  assertEquals(await helper.finalContent(), PARIS);
});

Deno.test("openai: stop, seed, n and log probabilities", async () => {
  await using server = tinyServer();
  const { completions } = clientOf(server).chat;
  const stopped = await completions.create({
    model: MODEL,
    messages: FRANCE,
    temperature: 0,
    stop: " is",
    logprobs: true,
    top_logprobs: 2,
  });
  assertEquals(stopped.choices[0]!.message.content, "The capital of France");
  const { content } = stopped.choices[0]!.logprobs!;
  assert(content!.length > 0);
  assertEquals(content![0]!.top_logprobs.length, 2);
  const story = {
    model: MODEL,
    messages: ask("Tell me a story about a fox."),
    max_tokens: 24,
    seed: 7,
    n: 2,
  };
  const [one, two] = await Promise.all([completions.create(story), completions.create(story)]);
  const texts = (answer: OpenAI.ChatCompletion) =>
    answer.choices.map(({ message }) => message.content);
  assertEquals(texts(one), texts(two));
  assertNotEquals(texts(one)[0], texts(one)[1]);
  assertEquals(one.choices.length, 2);
  assertEquals(one.system_fingerprint, two.system_fingerprint);
});

Deno.test("openai: a tools loop, from the question to the sentence", async () => {
  await using server = tinyServer();
  const asked: string[] = [];
  const runner = clientOf(server).chat.completions.runTools({
    model: MODEL,
    temperature: 0,
    messages: ask("What is the weather in Paris?"),
    tools: [{
      type: "function",
      function: {
        ...WEATHER.function,
        parse: JSON.parse,
        function: ({ city }: { city: string }) => {
          asked.push(city);
          return JSON.stringify({ weather: "windy", temperature: 7 });
        },
      },
    }],
  });
  const sentence = await runner.finalContent();
  assertEquals(asked, ["Paris"]);
  assertEquals(sentence, WINDY);
});

Deno.test("openai: a streamed tool call comes in pieces that make its arguments", async () => {
  await using server = tinyServer();
  const stream = clientOf(server).chat.completions.stream({
    model: MODEL,
    temperature: 0,
    messages: ask("What is the weather in Paris?"),
    tools: [WEATHER],
  });
  const { choices: [choice] } = await stream.finalChatCompletion();
  assertEquals(choice!.finish_reason, "tool_calls");
  const [call] = choice!.message.tool_calls!;
  assert(call?.type === "function");
  assertEquals(JSON.parse(call.function.arguments), { city: "Paris" });
});

Deno.test("openai: required and named tool choices force a call", async () => {
  await using server = tinyServer();
  const { completions } = clientOf(server).chat;
  const body = {
    model: MODEL,
    temperature: 0,
    max_tokens: 64,
    messages: ask("Hello"),
    tools: [WEATHER],
  };
  for (
    const tool_choice of [
      "required" as const,
      { type: "function" as const, function: { name: "get_weather" } },
    ]
  ) {
    const { choices: [choice] } = await completions.create({ ...body, tool_choice });
    const [call] = choice!.message.tool_calls!;
    assert(call?.type === "function");
    assertEquals(call.function.name, "get_weather");
    assertEquals(typeof JSON.parse(call.function.arguments).city, "string");
  }
});

Deno.test("openai: structured outputs through the zod helpers", async () => {
  await using server = tinyServer();
  const { completions } = clientOf(server).chat;
  const person = z.object({ name: z.string(), age: z.int() });
  const parsed = await completions.parse({
    model: MODEL,
    temperature: 0,
    messages: ask("Give me JSON for Alice, age 30."),
    response_format: zodResponseFormat(person, "person"),
  });
  assertEquals(parsed.choices[0]!.message.parsed, { name: "Alice", age: 30 });
  const called = await completions.parse({
    model: MODEL,
    temperature: 0,
    messages: ask("What is the weather in Paris?"),
    tools: [zodFunction({ name: "get_weather", parameters: z.object({ city: z.string() }) })],
  });
  const [call] = called.choices[0]!.message.tool_calls!;
  assert(call?.type === "function");
  assertEquals(call.function.parsed_arguments, { city: "Paris" });
});

Deno.test("openai: reasoning is apart from the answer", async () => {
  await using server = tinyServer();
  const answer = await clientOf(server).chat.completions.create({
    model: MODEL,
    temperature: 0,
    messages: ask("What is the capital of France? /think"),
  });
  const message = answer.choices[0]!.message as { content: string; reasoning_content?: string };
  assert(message.reasoning_content);
  assertEquals(message.content.trim(), PARIS);
});

Deno.test("openai: completions of text", async () => {
  await using server = tinyServer();
  const prompt = "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n";
  const body = { model: MODEL, prompt: [prompt, prompt], temperature: 0, max_tokens: 4 };
  const { completions } = clientOf(server);
  const answer = await completions.create({ ...body, logprobs: 1 });
  assertEquals(answer.choices.length, 2);
  assertEquals(answer.choices[0]!.text, answer.choices[1]!.text);
  assertEquals(answer.choices[0]!.logprobs!.tokens!.join(""), answer.choices[0]!.text);
  const texts = ["", ""];
  for await (const chunk of await completions.create({ ...body, stream: true })) {
    for (const choice of chunk.choices) texts[choice.index] += choice.text;
  }
  assertEquals(texts, answer.choices.map(({ text }) => text));
});

Deno.test("openai: embeddings, as floats and through the base64 its client asks for", async () => {
  await using server = tinyServer();
  const { embeddings } = clientOf(server);
  const input = ["The fox runs.", "A river flows."];
  const asked = await embeddings.create({ model: MODEL, input });
  const floats = await embeddings.create({ model: MODEL, input, encoding_format: "float" });
  assertEquals(asked.data.map(({ embedding }) => embedding.length), [256, 256]);
  assertEquals(asked.data[0]!.embedding, floats.data[0]!.embedding);
  assertAlmostEquals(Math.hypot(...asked.data[1]!.embedding), 1, 1e-5);
  assertEquals(asked.usage.prompt_tokens, floats.usage.prompt_tokens);
});

Deno.test("openai: models", async () => {
  await using server = tinyServer();
  const { models } = clientOf(server);
  const names: string[] = [];
  for await (const model of models.list()) names.push(model.id);
  assertEquals(names, [MODEL]);
  assertEquals((await models.retrieve(MODEL)).object, "model");
});

Deno.test("openai: responses, and going on from one", async () => {
  await using server = tinyServer();
  const { responses } = clientOf(server);
  const first = await responses.create({
    model: MODEL,
    temperature: 0,
    input: "My name is Tom.",
  });
  assertEquals(first.status, "completed");
  assert(first.output_text.length > 0);
  const second = await responses.create({
    model: MODEL,
    temperature: 0,
    input: "What is my name?",
    previous_response_id: first.id,
  });
  assertStringIncludes(second.output_text, "Tom");
  assertEquals((await responses.retrieve(second.id)).output_text, second.output_text);
  const items = [];
  for await (const item of responses.inputItems.list(second.id)) items.push(item.type);
  assertEquals(items, ["message"]);
  const counted = await responses.inputTokens.count({
    model: MODEL,
    input: "What is my name?",
    previous_response_id: first.id,
  });
  assertEquals(counted.input_tokens, second.usage!.input_tokens);
  await responses.delete(second.id);
  await assertRejects(() => responses.retrieve(second.id), NotFoundError);
});

Deno.test("openai: a streamed response through its helper", async () => {
  await using server = tinyServer();
  const stream = clientOf(server).responses.stream({
    model: MODEL,
    temperature: 0,
    input: "What is the capital of France? /think",
  });
  let deltas = "";
  stream.on("response.output_text.delta", ({ delta }) => deltas += delta);
  const response = await stream.finalResponse();
  assertEquals(deltas.trim(), PARIS);
  assertEquals(response.output_text, deltas);
  assertEquals(response.output.map(({ type }) => type), ["reasoning", "message"]);
  assert(response.usage!.output_tokens_details.reasoning_tokens > 0);
});

Deno.test("openai: a tools loop with responses", async () => {
  await using server = tinyServer();
  const { responses } = clientOf(server);
  const tools = [{ type: "function" as const, strict: true, ...WEATHER.function }];
  const first = await responses.create({
    model: MODEL,
    temperature: 0,
    input: "What is the weather in Paris?",
    tools,
  });
  const call = first.output.find((item) => item.type === "function_call");
  assert(call?.type === "function_call");
  assertEquals(JSON.parse(call.arguments), { city: "Paris" });
  const second = await responses.create({
    model: MODEL,
    temperature: 0,
    previous_response_id: first.id,
    tools,
    input: [{
      type: "function_call_output",
      call_id: call.call_id,
      output: JSON.stringify({ weather: "windy", temperature: 7 }),
    }],
  });
  assertEquals(second.output_text, WINDY);
});

/** Answers that never end; each token takes its time, as real ones do. */
const ENDLESS: EngineDoubleOptions = {
  script: { tokens: ["again "], endless: true },
  beforeToken: () => delay(1),
};

Deno.test("openai: a stream that is aborted frees its sequence", async () => {
  await using server = doubleServer({ engine: ENDLESS });
  const { engine } = server;
  const stream = await clientOf(server).chat.completions.create({
    model: "double",
    messages: ask("Hello"),
    stream: true,
  });
  let chunks = 0;
  for await (const _ of stream) if (++chunks === 3) break;
  await until(() => engine.running === 0);
  assertEquals(engine.finished.length, 1);
});

Deno.test("openai: a request that is aborted before its answer frees its sequence", async () => {
  await using server = doubleServer({ engine: ENDLESS });
  const { engine } = server;
  const abort = new AbortController();
  const asked = clientOf(server).chat.completions.create({
    model: "double",
    messages: ask("Hello"),
  }, {
    signal: abort.signal,
  });
  await until(() => engine.running > 0);
  abort.abort();
  await assertRejects(() => asked, APIUserAbortError);
  await until(() => engine.running === 0);
  assertEquals(engine.finished.length, 1);
});

Deno.test("openai: failures arrive as the error classes they are", async () => {
  await using server = doubleServer({
    engine: { info: { contextLength: 64 } },
    settings: { apiKey: "secret" },
  });
  const { completions } = clientOf(server, "secret").chat;
  const body = { model: "double", messages: ask("Hello") };
  const wrongKey = clientOf(server, "wrong");
  const key = await assertRejects(() => wrongKey.models.list(), AuthenticationError);
  assertEquals(key.code, "invalid_api_key");
  const model = await assertRejects(
    () => completions.create({ ...body, model: "gpt-5" }),
    NotFoundError,
  );
  assertEquals([model.code, model.param], ["model_not_found", "model"]);
  const field = await assertRejects(
    () => completions.create({ ...body, audio: { format: "mp3", voice: "alloy" } }),
    BadRequestError,
  );
  assertEquals(field.param, "audio");
  const long = await assertRejects(
    () => completions.create({ ...body, messages: ask("long ".repeat(50)), stream: true }),
    BadRequestError,
  );
  assertEquals(long.code, "context_length_exceeded");
  assertMatch(long.requestID!, /./);
});

Deno.test("openai: a deterministic failure is not asked again, a full queue is", async () => {
  const failing = async (error: ShimmyError) => {
    await using server = doubleServer({ engine: { script: { tokens: [], error } } });
    await assertRejects(
      () => clientOf(server).chat.completions.create({ model: "double", messages: ask("Hello") }),
      InternalServerError,
    );
    return server.engine.requests.length;
  };
  assertEquals(await failing(new ShimmyError("backend", "Generation failed")), 1);
  const full = new ShimmyError("overloaded", "The queue is full", { retryAfter: 0.01 });
  assertEquals(await failing(full), 2);
});

Deno.test("openai: a failure during a stream is thrown by its iteration", async () => {
  const error = new ShimmyError("backend", "Generation failed");
  await using server = doubleServer({ engine: { script: { tokens: ["Hel"], error } } });
  const client = clientOf(server);
  const chat = await client.chat.completions.create({
    model: "double",
    messages: ask("Hello"),
    stream: true,
  });
  await assertRejects(
    async () => {
      for await (const _ of chat);
    },
    OpenAI.APIError,
    "Generation failed",
  );
  const response = await client.responses.create({ model: "double", input: "Hello", stream: true });
  await assertRejects(
    async () => {
      for await (const _ of response);
    },
    OpenAI.APIError,
    "Generation failed",
  );
});

Deno.test("openai: fields of vLLM reach the model", async () => {
  await using server = tinyServer();
  const { chat } = clientOf(server);
  const about = { model: MODEL, messages: FRANCE, temperature: 0 };
  const contentOf = async (fields: Record<string, unknown>) => {
    const answer = await chat.completions.create({ ...about, stream: false as const, ...fields });
    return answer.choices[0]!.message.content!;
  };
  assertMatch(
    await contentOf({ structured_outputs: { regex: "[A-C]{3}-[0-9]{2}" } }),
    /^[A-C]{3}-\d\d$/,
  );
  assertEquals(["tea", "milk"].includes(await contentOf({ guided_choice: ["tea", "milk"] })), true);
  const begun = [...FRANCE, { role: "assistant" as const, content: "The capital of" }];
  assertEquals(await contentOf({ messages: begun }), " France is Paris.");
  const fresh = { messages: begun, add_generation_prompt: true, continue_final_message: false };
  assertNotEquals(await contentOf(fresh), " France is Paris.");
  const usage = { include_usage: true, continuous_usage_stats: true };
  const stream = await chat.completions.create({ ...about, stream: true, stream_options: usage });
  const counts: number[] = [];
  for await (const chunk of stream) counts.push(chunk.usage!.completion_tokens);
  assertEquals(counts[0], 0);
  assertEquals(counts, counts.toSorted((a, b) => a - b));
  assertEquals(counts.at(-1)! > 3, true);
});

Deno.test("openai: the grammar of a custom tool applies to its input", async () => {
  await using server = tinyServer();
  const client = clientOf(server);
  const definition = 'start: "*** Begin" LF line+ "*** End"\n' +
    'line: "+" /[a-c"]{1,4}/ LF\n%import common.LF\n';
  const response = await client.responses.create({
    model: MODEL,
    input: "Write a patch.",
    max_output_tokens: 400,
    temperature: 0,
    tools: [{
      type: "custom",
      name: "patch",
      description: "Applies a patch",
      format: { type: "grammar", syntax: "lark", definition },
    }],
    tool_choice: { type: "custom", name: "patch" },
  });
  const [item] = response.output;
  assert(item?.type === "custom_tool_call", JSON.stringify(item));
  assertEquals(item.name, "patch");
  const text = /^\*\*\* Begin\n(?:\+[a-c"]{1,4}\n)*(?:\+[a-c"]{0,4}\n?)?(?:\*{0,3} ?E?n?d?)?$/;
  assertMatch(item.input, text);
  if (response.status === "completed") assertMatch(item.input, /\n\*\*\* End$/);
});

Deno.test("openai: a tool of a namespace is called by both names", async () => {
  await using server = tinyServer();
  const weather = {
    type: "function" as const,
    name: "get_weather",
    description: "Get the weather in a city",
    strict: false,
    parameters: WEATHER.function.parameters,
  };
  const response = await clientOf(server).responses.create({
    model: MODEL,
    input: "What is the weather in Paris?",
    temperature: 0,
    tool_choice: "required",
    tools: [{ type: "namespace", name: "city", description: "About cities", tools: [weather] }],
  });
  const [call] = response.output;
  assert(call?.type === "function_call", JSON.stringify(call));
  assertEquals([call.namespace, call.name], ["city", "get_weather"]);
  assertEquals(Object.keys(JSON.parse(call.arguments)), ["city"]);
});
