import Anthropic, {
  APIError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
} from "test:anthropic";
import { betaTool } from "test:anthropic/json-schema";
import { zodOutputFormat } from "test:anthropic/zod";
import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { z } from "zod";
import { ShimmyError } from "../../src/errors.ts";
import { serverDouble } from "../doubles/server.ts";
import { idle, MODEL, served, tinyServer } from "./tiny_server.ts";

/** `temperature` is not in this version's types and still in the API. */
const GREEDY = { model: MODEL, max_tokens: 64, temperature: 0 };

const WEATHER = {
  name: "get_weather",
  description: "Get the weather in a city",
  input_schema: {
    type: "object" as const,
    properties: { city: { type: "string" } },
    required: ["city"],
  },
};

const CITIES = ["Paris", "Oslo", "Rome"];

const TIME = { ...WEATHER, name: "get_time", description: "Get the time in a city" };

function client(baseURL: string, apiKey = "none"): Anthropic {
  return new Anthropic({ baseURL, apiKey, maxRetries: 0 });
}

function user(content: string): { role: "user"; content: string } {
  return { role: "user", content };
}

/** The text of a message's text blocks. */
function textOf({ content }: { content: readonly { type: string; text?: string }[] }): string {
  return content.map((block) => block.type === "text" ? block.text : "").join("");
}

Deno.test("@anthropic-ai/sdk: a message", async () => {
  await using server = tinyServer();
  const message = await client(server.url).messages.create({
    ...GREEDY,
    messages: [user("What is the capital of France?")],
  });
  assertEquals(textOf(message), "The capital of France is Paris.");
  assertEquals(message.stop_reason, "end_turn");
  assertEquals(message.model, MODEL);
  assertGreater(message.usage.output_tokens, 4);
  assertMatch(message._request_id ?? "", /^[\w-]+$/);
});

Deno.test("@anthropic-ai/sdk: system prompt and earlier turns reach the model", async () => {
  await using server = tinyServer();
  const { messages } = client(server.url);
  const pirate = await messages.create({
    ...GREEDY,
    system: [{ type: "text", text: "You are a pirate.", cache_control: { type: "ephemeral" } }],
    messages: [user("What is the capital of Italy?")],
  });
  assertMatch(textOf(pirate), /^Arr! /);
  const named = await messages.create({
    ...GREEDY,
    messages: [
      user("My name is Tom."),
      { role: "assistant", content: "Nice to meet you, Tom." },
      user("What is my name?"),
    ],
  });
  assertStringIncludes(textOf(named), "Tom");
});

Deno.test("@anthropic-ai/sdk: a last message of the assistant is continued", async () => {
  await using server = tinyServer();
  const message = await client(server.url).messages.create({
    ...GREEDY,
    messages: [
      user("What is the capital of France?"),
      { role: "assistant", content: "The capital of France" },
    ],
  });
  assertEquals(textOf(message), " is Paris.");
});

Deno.test("@anthropic-ai/sdk: the stream helper puts the same message together", async () => {
  await using server = tinyServer();
  const { messages } = client(server.url);
  const asked = { ...GREEDY, messages: [user("What is the capital of Spain?")] };
  const whole = await messages.create(asked);
  const types: string[] = [];
  let text = "";
  const stream = messages.stream(asked)
    .on("streamEvent", ({ type }) => types.push(type))
    .on("text", (delta) => text += delta);
  const final = await stream.finalMessage();
  assertEquals(text, textOf(whole));
  assertEquals(await stream.finalText(), text);
  assertEquals(final.stop_reason, "end_turn");
  assertEquals(final.usage.output_tokens, whole.usage.output_tokens);
  const total = ({ usage }: Anthropic.Message) =>
    usage.input_tokens + (usage.cache_read_input_tokens ?? 0);
  assertEquals(total(final), total(whole));
  assertEquals(types[0], "message_start");
  assertEquals(types.slice(-3), ["content_block_stop", "message_delta", "message_stop"]);
  assertMatch(stream.request_id ?? "", /^[\w-]+$/);
});

Deno.test("@anthropic-ai/sdk: stop sequences and max_tokens end an answer with their reasons", async () => {
  await using server = tinyServer();
  const { messages } = client(server.url);
  const asked = { ...GREEDY, messages: [user("Count from 3 to 40.")] };
  const stopped = await messages.create({ ...asked, stop_sequences: ["7"] });
  assertEquals([stopped.stop_reason, stopped.stop_sequence], ["stop_sequence", "7"]);
  assertEquals(textOf(stopped).includes("7"), false);
  const short = await messages.create({ ...asked, max_tokens: 3 });
  assertEquals([short.stop_reason, short.usage.output_tokens], ["max_tokens", 3]);
});

Deno.test("@anthropic-ai/sdk: thinking comes as a block of its own, with a signature", async () => {
  await using server = tinyServer();
  let thought = "";
  let signature = "";
  const message = await client(server.url).messages.stream({
    ...GREEDY,
    max_tokens: 128,
    messages: [user("What is the capital of France? /think")],
  }).on("thinking", (delta) => thought += delta)
    .on("signature", (value) => signature = value)
    .finalMessage();
  const [first, second] = message.content;
  assert(first?.type === "thinking" && second?.type === "text");
  assertEquals(first.thinking, thought);
  assertEquals(first.signature, signature);
  assertGreater(thought.length, 0);
  assertGreater(signature.length, 0);
  assertStringIncludes(second.text, "Paris");
  assertEquals(textOf(message).includes("think>"), false);
});

Deno.test("@anthropic-ai/sdk: a tools loop by hand", async () => {
  await using server = tinyServer();
  const { messages } = client(server.url);
  const question = user("What is the weather in Paris?");
  const first = await messages.create({ ...GREEDY, tools: [WEATHER], messages: [question] });
  assertEquals(first.stop_reason, "tool_use");
  const call = first.content.find((block) => block.type === "tool_use");
  assertEquals(call?.name, "get_weather");
  assertEquals(call?.input, { city: "Paris" });
  const second = await messages.create({
    ...GREEDY,
    tools: [WEATHER],
    messages: [
      question,
      { role: "assistant", content: first.content },
      {
        role: "user",
        content: [{
          type: "tool_result",
          tool_use_id: call!.id,
          content: [{ type: "text", text: '{"weather": "sunny", "temperature": 21}' }],
        }],
      },
    ],
  });
  assertEquals(second.stop_reason, "end_turn");
  assertStringIncludes(textOf(second), "sunny");
});

Deno.test("@anthropic-ai/sdk: tool_choice forces a call where the model would make none", async () => {
  await using server = tinyServer();
  const { messages } = client(server.url);
  // Cities to choose from: a small model that was not asked for one would not end its text.
  const input_schema = {
    ...WEATHER.input_schema,
    properties: { city: { type: "string", enum: CITIES } },
    additionalProperties: false,
  };
  const tools = [WEATHER, TIME].map((tool) => ({ ...tool, input_schema }));
  const asked = { ...GREEDY, tools, messages: [user("Hello")] };
  for (const tool_choice of [{ type: "any" }, { type: "tool", name: "get_time" }] as const) {
    const { content, stop_reason } = await messages.create({ ...asked, tool_choice });
    assertEquals(stop_reason, "tool_use");
    const call = content.find((block) => block.type === "tool_use");
    assert(call !== undefined);
    if (tool_choice.type === "tool") assertEquals(call.name, "get_time");
    assert(CITIES.includes((call.input as { city: string }).city));
  }
  const none = await messages.create({
    ...asked,
    messages: [user("What is the weather in Paris?")],
    tool_choice: { type: "none" },
  });
  assertEquals(none.content.some(({ type }) => type === "tool_use"), false);
});

Deno.test("@anthropic-ai/sdk: structured outputs with the zod helper", async () => {
  await using server = tinyServer();
  const schema = z.object({ name: z.string(), age: z.number() });
  const { messages } = client(server.url);
  const asked = { ...GREEDY, output_config: { format: zodOutputFormat(schema) } };
  const trained = await messages.parse({
    ...asked,
    messages: [user("Give me JSON for Alice, age 30.")],
  });
  assertEquals(trained.parsed_output, { name: "Alice", age: 30 });
  // Without the schema the model would greet.
  const forced = await messages.parse({ ...asked, messages: [user("Hello")] });
  assertEquals(typeof forced.parsed_output?.name, "string");
});

Deno.test("@anthropic-ai/sdk: a call streams its input in pieces", async () => {
  await using server = tinyServer();
  const pieces: string[] = [];
  const message = await client(server.url).messages.stream({
    ...GREEDY,
    tools: [WEATHER],
    messages: [user("What is the weather in Oslo?")],
  }).on("inputJson", (delta) => pieces.push(delta)).finalMessage();
  const call = message.content.find((block) => block.type === "tool_use");
  assertEquals(call?.input, { city: "Oslo" });
  assertEquals(JSON.parse(pieces.join("")), { city: "Oslo" });
  assertGreater(pieces.length, 1);
});

Deno.test("@anthropic-ai/sdk: the tool runner loops to the answer", async () => {
  await using server = tinyServer();
  const asked: unknown[] = [];
  const weather = betaTool({
    name: WEATHER.name,
    description: WEATHER.description,
    inputSchema: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
    },
    run: (input) => {
      asked.push(input);
      return '{"weather": "rainy", "temperature": 9}';
    },
  });
  const runner = client(server.url).beta.messages.toolRunner({
    ...GREEDY,
    tools: [weather],
    messages: [user("What is the weather in Rome?")],
  });
  assertStringIncludes(textOf(await runner.runUntilDone()), "rainy");
  assertEquals(asked, [{ city: "Rome" }]);
});

Deno.test("@anthropic-ai/sdk: tokens are counted as an answer counts them", async () => {
  await using server = tinyServer();
  const { messages } = client(server.url);
  const asked = {
    model: MODEL,
    system: "You are a pirate.",
    tools: [WEATHER],
    messages: [user("What is the weather in Paris?")],
  };
  const { input_tokens } = await messages.countTokens(asked);
  const { usage } = await messages.create({ ...asked, max_tokens: 1 });
  assertGreater(input_tokens, 50);
  assertEquals(input_tokens, usage.input_tokens + (usage.cache_read_input_tokens ?? 0));
});

Deno.test("@anthropic-ai/sdk: a shared prefix is read from the cache and counted so", async () => {
  await using server = tinyServer();
  const { messages } = client(server.url);
  const asked = { ...GREEDY, tools: [WEATHER], messages: [user("What is the weather in Oslo?")] };
  const first = await messages.create(asked);
  const second = await messages.create(asked);
  assertEquals(first.usage.cache_read_input_tokens, 0);
  assertGreater(second.usage.cache_read_input_tokens ?? 0, 0);
});

Deno.test("@anthropic-ai/sdk: refusals arrive as the SDK's error classes", async () => {
  await using server = tinyServer({ apiKey: "secret" });
  const { messages } = client(server.url, "secret");
  const unknown = await assertRejects(
    () => messages.create({ ...GREEDY, model: "other", messages: [user("Hello")] }),
    NotFoundError,
  );
  assertEquals([unknown.status, unknown.type], [404, "not_found_error"]);
  assertMatch(unknown.requestID ?? "", /^[\w-]+$/);
  const image = await assertRejects(
    () =>
      messages.create({
        ...GREEDY,
        messages: [{
          role: "user",
          content: [{ type: "image", source: { type: "url", url: "http://localhost/a.png" } }],
        }],
      }),
    BadRequestError,
  );
  assertEquals(image.type, "invalid_request_error");
  assertStringIncludes(image.message, "the model reads no images");
  const long = await assertRejects(
    () => messages.create({ ...GREEDY, messages: [user("word ".repeat(2000))], stream: true }),
    BadRequestError,
  );
  assertStringIncludes(long.message, "1024");
  const key = await assertRejects(
    () => client(server.url, "wrong").messages.create({ ...GREEDY, messages: [user("Hello")] }),
    AuthenticationError,
  );
  assertEquals(key.type, "authentication_error");
});

Deno.test("@anthropic-ai/sdk: failures of the server keep their types, before and in a stream", async () => {
  const full = new ShimmyError("overloaded", "The queue is full", { retryAfter: 1 });
  const broken = new ShimmyError("backend", "The model broke");
  const asked = { model: "double", max_tokens: 9, messages: [user("Hello")] };
  {
    const { handler } = serverDouble({ engine: { script: { tokens: [], error: full } } });
    await using server = served(handler);
    const error = await assertRejects(
      () => client(server.url).messages.create(asked),
      InternalServerError,
    );
    assertEquals([error.status, error.type], [503, "overloaded_error"]);
  }
  const { handler } = serverDouble({ engine: { script: { tokens: ["Hi"], error: broken } } });
  await using server = served(handler);
  let text = "";
  const stream = client(server.url).messages.stream(asked).on("text", (delta) => text += delta);
  const error = await assertRejects(() => stream.finalMessage(), APIError);
  assertEquals([text, error.type], ["Hi", "api_error"]);
  assertStringIncludes(error.message, "The model broke");
});

Deno.test("@anthropic-ai/sdk: an abort frees the model", async () => {
  await using server = tinyServer();
  const stream = client(server.url).messages.stream({
    model: MODEL,
    max_tokens: 900,
    messages: [user("Tell me a story about a fox.")],
  });
  stream.on("text", () => stream.abort());
  await assertRejects(() => stream.finalMessage(), APIUserAbortError);
  await idle(server.pool);
});
