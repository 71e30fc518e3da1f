import { type ChatResponse, type Message, Ollama } from "test:ollama";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { idle, MODEL, tinyServer } from "./tiny_server.ts";

const GREEDY = { model: MODEL, options: { temperature: 0, num_predict: 64 } };

const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Get the weather in a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

/** The client leaves a stream at its last line; this reads on to the end behind it. */
const readingOn: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  const [read, rest] = response.body!.tee();
  // An abort ends both, and the client tells of it.
  rest.pipeTo(new WritableStream()).catch(() => {});
  return new Response(read, response);
};

function connect(host: string): Ollama {
  return new Ollama({ host, fetch: readingOn });
}

function user(content: string): Message {
  return { role: "user", content };
}

Deno.test("ollama: chat, whole and streamed, also under /ollama", async () => {
  await using server = tinyServer();
  const messages = [user("What is the capital of France?")];
  for (const host of [server.url, `${server.url}/ollama`]) {
    const client = connect(host);
    const whole = await client.chat({ ...GREEDY, messages });
    assertEquals(whole.message, {
      role: "assistant",
      content: "The capital of France is Paris.",
    });
    assertEquals([whole.done, whole.done_reason], [true, "stop"]);
    const parts: ChatResponse[] = [];
    for await (const part of await client.chat({ ...GREEDY, messages, stream: true })) {
      parts.push(part);
    }
    assertEquals(parts.map(({ message }) => message.content).join(""), whole.message.content);
    const last = parts.at(-1)!;
    assertEquals([last.done, last.done_reason, last.model], [true, "stop", MODEL]);
    assertEquals(last.eval_count, whole.eval_count);
    // Nanoseconds: a prefill by the tiny model takes more than a microsecond and less than ten seconds.
    assertGreater(last.prompt_eval_duration, 1e3);
    assertGreater(1e10, last.prompt_eval_duration);
    assertGreater(last.total_duration, last.eval_duration);
  }
});

Deno.test("ollama: thoughts come in a field of their own", async () => {
  await using server = tinyServer();
  const { message } = await connect(server.url).chat({
    ...GREEDY,
    think: true,
    messages: [user("What is the capital of France? /think")],
  });
  assertGreater(message.thinking?.length ?? 0, 0);
  assertStringIncludes(message.content, "Paris");
  assertEquals(message.content.includes("think>"), false);
});

Deno.test("ollama: a tools loop, whole and streamed", async () => {
  await using server = tinyServer();
  const client = connect(server.url);
  for (const stream of [false, true]) {
    const messages = [user("What is the weather in Rome?")];
    const calls = [];
    if (stream) {
      const parts = await client.chat({ ...GREEDY, messages, tools: [WEATHER], stream });
      for await (const { message } of parts) calls.push(...message.tool_calls ?? []);
    } else {
      const { message } = await client.chat({ ...GREEDY, messages, tools: [WEATHER] });
      calls.push(...message.tool_calls ?? []);
    }
    assertEquals(calls.map((call) => [call.function.name, call.function.arguments]), [
      ["get_weather", { city: "Rome" }],
    ]);
    messages.push(
      { role: "assistant", content: "", tool_calls: calls },
      { role: "tool", content: '{"weather": "snowy", "temperature": 1}', tool_name: "get_weather" },
    );
    const answer = await client.chat({ ...GREEDY, messages, tools: [WEATHER] });
    assertStringIncludes(answer.message.content, "snowy");
  }
});

Deno.test("ollama: generate through the template and raw", async () => {
  await using server = tinyServer();
  const client = connect(server.url);
  const asked = await client.generate({
    ...GREEDY,
    system: "You are a pirate.",
    prompt: "What is the capital of Italy?",
  });
  assertMatch(asked.response ?? "", /^Arr! .*Rome/);
  const prompt = "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n";
  let text = "";
  for await (const part of await client.generate({ ...GREEDY, prompt, raw: true, stream: true })) {
    text += part.response;
    if (part.done) assertEquals(part.done_reason, "stop");
  }
  assertGreater(text.length, 0);
  const limited = await client.generate({
    ...GREEDY,
    prompt,
    raw: true,
    options: { num_predict: 1 },
  });
  assertEquals([limited.eval_count, limited.done_reason], [1, "length"]);
});

Deno.test("ollama: a format binds the answer, as json and as a schema", async () => {
  await using server = tinyServer();
  const client = connect(server.url);
  const schema = {
    type: "object",
    properties: { name: { type: "string" }, age: { type: "integer" } },
    required: ["name", "age"],
    additionalProperties: false,
  };
  const messages = [user("Give me JSON for Alice, age 30.")];
  const bound = await client.chat({ ...GREEDY, messages, format: schema });
  assertEquals(JSON.parse(bound.message.content), { name: "Alice", age: 30 });
  // Without a format the model would greet.
  const { response } = await client.generate({ ...GREEDY, prompt: "Hello", format: schema });
  assertEquals(Object.keys(JSON.parse(response ?? "")), ["name", "age"]);
  const json = await client.generate({
    ...GREEDY,
    prompt: "Give me JSON for Alice, age 30.",
    format: "json",
  });
  assertEquals(typeof JSON.parse(json.response ?? ""), "object");
});

Deno.test("ollama: log probabilities", async () => {
  await using server = tinyServer();
  const { message, logprobs } = await connect(server.url).chat({
    ...GREEDY,
    messages: [user("Hello")],
    logprobs: true,
    top_logprobs: 3,
  });
  assertEquals(logprobs?.map(({ token }) => token).join("").trimEnd(), message.content.trimEnd());
  assertEquals(logprobs?.[0]?.top_logprobs?.length, 3);
});

Deno.test("ollama: list, ps, show and version", async () => {
  await using server = tinyServer();
  const client = connect(server.url);
  const { models } = await client.list();
  assertEquals(models.map(({ name }) => name), [`${MODEL}:latest`]);
  assertEquals(models[0]?.details.family, "llama");
  assertEquals((await client.ps()).models, []);
  await client.chat({ model: `${MODEL}:latest` });
  const { models: [running] } = await client.ps();
  assertEquals(running?.name, `${MODEL}:latest`);
  assertEquals(running?.size_vram, 0);
  const shown = await client.show({ model: MODEL });
  assertStringIncludes(shown.template, "<|im_start|>");
  assertEquals(shown.capabilities.slice(0, 2), ["completion", "tools"]);
  const info = shown.model_info as unknown as Record<string, unknown>;
  assertEquals(info["llama.context_length"], 1024);
  assertMatch((await client.version()).version, /^0\.\d+\.\d+$/);
});

Deno.test("ollama: embed and the older embeddings", async () => {
  await using server = tinyServer();
  const client = connect(server.url);
  const input = ["The capital of France is Paris.", "Count from 3 to 40."];
  const { embeddings, prompt_eval_count } = await client.embed({ model: MODEL, input });
  assertEquals(embeddings.map((vector) => vector.length), [256, 256]);
  for (const vector of embeddings) assertAlmostEquals(Math.hypot(...vector), 1, 1e-4);
  assertGreater(prompt_eval_count, 10);
  const { embeddings: [short] } = await client.embed({
    model: MODEL,
    input: input[0]!,
    dimensions: 16,
  });
  assertEquals(short?.length, 16);
  assertAlmostEquals(Math.hypot(...short!), 1, 1e-4);
  const { embedding } = await client.embeddings({ model: MODEL, prompt: input[0]! });
  const length = Math.hypot(...embedding);
  embedding.forEach((value, index) =>
    assertAlmostEquals(value / length, embeddings[0]![index]!, 1e-4)
  );
});

Deno.test("ollama: keep_alive 0 unloads the model, and it comes back", async () => {
  await using server = tinyServer();
  const client = connect(server.url);
  const messages = [user("What is the capital of Spain?")];
  const stay = await client.chat({ ...GREEDY, messages, keep_alive: "5m" });
  assertEquals((await client.ps()).models.length, 1);
  const leave = await client.chat({ ...GREEDY, messages, keep_alive: 0 });
  assertEquals(leave.message, stay.message);
  assertEquals((await client.ps()).models, []);
  for await (const _part of await client.chat({ ...GREEDY, messages, stream: true }));
  assertEquals((await client.ps()).models.length, 1);
  const unloaded = await client.generate({ model: MODEL, prompt: "", keep_alive: 0 });
  assertEquals(unloaded.done_reason, "unload");
  assertEquals((await client.ps()).models, []);
});

Deno.test("ollama: errors are one sentence", async () => {
  await using server = tinyServer();
  const client = connect(server.url);
  const messages = [user("Hello")];
  await assertRejects(
    () => client.chat({ model: "other", messages }),
    Error,
    "model 'other' not found",
  );
  await assertRejects(
    () => client.chat({ model: MODEL, messages, options: { tfs_z: 0.5 } }),
    Error,
    "options.tfs_z: must be 1",
  );
  await assertRejects(
    () => client.chat({ model: MODEL, messages: [{ ...user("What is it?"), images: ["aGk="] }] }),
    Error,
    "messages[0].images[0]: the model reads no images",
  );
  await assertRejects(
    () => client.chat({ model: MODEL, messages: [user("word ".repeat(2000))], stream: true }),
    Error,
    "1024",
  );
});

Deno.test("ollama: an abort frees the model", async () => {
  await using server = tinyServer();
  const client = connect(server.url);
  const parts = await client.chat({
    model: MODEL,
    options: { num_predict: 900 },
    messages: [user("Tell me a story about a fox.")],
    stream: true,
  });
  await assertRejects(async () => {
    for await (const part of parts) {
      assert(!part.done);
      client.abort();
    }
  });
  await idle(server.pool);
});
