import { createAnthropic } from "test:ai-anthropic";
import {
  APICallError,
  generateObject,
  generateText,
  jsonSchema,
  stepCountIs,
  streamText,
  tool,
} from "test:ai";
import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { MODEL, tinyServer } from "./tiny_server.ts";

const GREEDY = { temperature: 0, maxOutputTokens: 64, maxRetries: 0 };

function model(url: string) {
  return createAnthropic({ baseURL: `${url}/v1`, apiKey: "none" })(MODEL);
}

const asked: unknown[] = [];

const weather = tool({
  description: "Get the weather in a city",
  inputSchema: jsonSchema<{ city: string }>({
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
  }),
  execute: (input) => {
    asked.push(input);
    return { weather: "windy", temperature: 7 };
  },
});

Deno.test("@ai-sdk/anthropic: generateText", async () => {
  await using server = tinyServer();
  const { text, finishReason, usage } = await generateText({
    model: model(server.url),
    ...GREEDY,
    prompt: "What is the capital of France?",
  });
  assertEquals([text, finishReason], ["The capital of France is Paris.", "stop"]);
  assertGreater(usage.inputTokens ?? 0, 0);
  assertGreater(usage.outputTokens ?? 0, 0);
});

Deno.test("@ai-sdk/anthropic: streamText with reasoning", async () => {
  await using server = tinyServer();
  const result = streamText({
    model: model(server.url),
    ...GREEDY,
    maxOutputTokens: 128,
    prompt: "What is the capital of France? /think",
  });
  let text = "";
  for await (const delta of result.textStream) text += delta;
  assertStringIncludes(text, "Paris");
  assertEquals(text, await result.text);
  assertGreater((await result.reasoningText)?.length ?? 0, 0);
  assertEquals(await result.finishReason, "stop");
});

Deno.test("@ai-sdk/anthropic: tools run and their results become an answer", async () => {
  await using server = tinyServer();
  const options = {
    model: model(server.url),
    ...GREEDY,
    tools: { get_weather: weather },
    stopWhen: stepCountIs(3),
  };
  const whole = await generateText({ ...options, prompt: "What is the weather in Rome?" });
  assertEquals(whole.steps.length, 2);
  assertStringIncludes(whole.text, "windy");
  const streamed = streamText({ ...options, prompt: "What is the weather in Oslo?" });
  await streamed.consumeStream();
  assertStringIncludes(await streamed.text, "windy");
  assertEquals(asked, [{ city: "Rome" }, { city: "Oslo" }]);
});

Deno.test("@ai-sdk/anthropic: generateObject", async () => {
  await using server = tinyServer();
  const { object } = await generateObject({
    model: model(server.url),
    ...GREEDY,
    schema: jsonSchema<{ name: string; age: number }>({
      type: "object",
      properties: {
        name: { type: "string", enum: ["Alice", "Bob"] },
        age: { type: "integer", minimum: 0, maximum: 99 },
      },
      required: ["name", "age"],
      additionalProperties: false,
    }),
    prompt: "Give me JSON for Alice, age 30.",
  });
  assert(["Alice", "Bob"].includes(object.name));
  assert(Number.isInteger(object.age) && object.age >= 0 && object.age <= 99);
});

Deno.test("@ai-sdk/anthropic: a refusal carries status and message", async () => {
  await using server = tinyServer();
  const error = await assertRejects(
    () =>
      generateText({
        model: createAnthropic({ baseURL: `${server.url}/v1`, apiKey: "none" })("other"),
        ...GREEDY,
        prompt: "Hello",
      }),
    APICallError,
  );
  assertEquals(error.statusCode, 404);
  assert(!error.isRetryable);
  assertStringIncludes(error.message, "Model 'other' not found");
});
