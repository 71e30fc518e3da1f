import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { APICallError, generateObject, generateText, stepCountIs, streamText, tool } from "test:ai";
import { createOpenAI } from "test:ai-openai";
import { createOpenAICompatible } from "test:ai-openai-compatible";
import { z } from "zod";
import { MODEL, tinyServer } from "./tiny_server.ts";

const GREEDY = { temperature: 0, maxOutputTokens: 96, maxRetries: 0 };
const FRANCE = "What is the capital of France?";
const PARIS = "The capital of France is Paris.";

/** The packages that speak OpenAI's dialect, each with the API it speaks. */
const PROVIDERS = {
  "@ai-sdk/openai-compatible": (url: string, name: string = MODEL) =>
    createOpenAICompatible({
      name: "shimmy",
      baseURL: `${url}/v1`,
      apiKey: "none",
      includeUsage: true,
      supportsStructuredOutputs: true,
    })(name),
  "@ai-sdk/openai (responses)": (url: string, name: string = MODEL) =>
    createOpenAI({ baseURL: `${url}/v1`, apiKey: "none" })(name),
  "@ai-sdk/openai (chat)": (url: string, name: string = MODEL) =>
    createOpenAI({ baseURL: `${url}/v1`, apiKey: "none" }).chat(name),
};

/** A weather tool that notes what it was asked for. */
function weatherTool(asked: unknown[]) {
  return tool({
    description: "Get the weather in a city",
    inputSchema: z.object({ city: z.string() }),
    execute: (input) => {
      asked.push(input);
      return { weather: "windy", temperature: 7 };
    },
  });
}

for (const [name, modelOf] of Object.entries(PROVIDERS)) {
  Deno.test(`${name}: generateText`, async () => {
    await using server = tinyServer();
    const { text, finishReason, usage } = await generateText({
      ...GREEDY,
      model: modelOf(server.url),
      prompt: FRANCE,
    });
    assertEquals([text, finishReason], [PARIS, "stop"]);
    assertGreater(usage.inputTokens ?? 0, 0);
    assertGreater(usage.outputTokens ?? 0, 0);
  });

  Deno.test(`${name}: streamText`, async () => {
    await using server = tinyServer();
    const result = streamText({ ...GREEDY, model: modelOf(server.url), prompt: FRANCE });
    const deltas: string[] = [];
    for await (const delta of result.textStream) deltas.push(delta);
    assertEquals(deltas.join(""), PARIS);
    assertGreater(deltas.length, 1);
    assertEquals(await result.finishReason, "stop");
    assertGreater((await result.usage).outputTokens ?? 0, 0);
  });

  Deno.test(`${name}: generateObject`, async () => {
    await using server = tinyServer();
    const { object } = await generateObject({
      ...GREEDY,
      model: modelOf(server.url),
      schema: z.object({ name: z.string(), age: z.int() }),
      prompt: "Give me JSON for Alice, age 30.",
    });
    assertEquals(object, { name: "Alice", age: 30 });
  });

  for (const streaming of [false, true]) {
    Deno.test(`${name}: tools to the sentence, streaming: ${streaming}`, async () => {
      await using server = tinyServer();
      const asked: unknown[] = [];
      const options = {
        ...GREEDY,
        model: modelOf(server.url),
        tools: { get_weather: weatherTool(asked) },
        stopWhen: stepCountIs(2),
        prompt: "What is the weather in Oslo?",
      };
      const text = streaming ? await streamText(options).text : (await generateText(options)).text;
      assertEquals(asked, [{ city: "Oslo" }]);
      assertEquals(text, "The weather in Oslo is windy, 7 degrees.");
    });
  }

  Deno.test(`${name}: an unknown model is an API error that is not asked again`, async () => {
    await using server = tinyServer();
    const error = await assertRejects(
      () => generateText({ ...GREEDY, model: modelOf(server.url, "gpt-none"), prompt: "Hello" }),
      APICallError,
      "Model 'gpt-none' not found",
    );
    assertEquals([error.statusCode, error.isRetryable], [404, false]);
  });
}

Deno.test("@ai-sdk/openai-compatible: reasoning is apart from the answer", async () => {
  await using server = tinyServer();
  const { text, reasoningText } = await generateText({
    ...GREEDY,
    model: PROVIDERS["@ai-sdk/openai-compatible"](server.url),
    prompt: `${FRANCE} /think`,
  });
  assertEquals(text.trim(), PARIS);
  assert(reasoningText);
});
