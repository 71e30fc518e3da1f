/** The Ollama provider of the AI SDK. */
import { createOllama } from "test:ollama-ai-provider";
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool } from "test:ai-v7";
import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { MODEL, tinyServer } from "./tiny_server.ts";

const GREEDY = { temperature: 0, maxOutputTokens: 64, maxRetries: 0 };

function model({ url }: { readonly url: string }) {
  return createOllama({ baseURL: `${url}/api` })(MODEL);
}

Deno.test("ollama-ai-provider-v2: generateText", async () => {
  await using server = tinyServer();
  const { text, finishReason, usage } = await generateText({
    model: model(server),
    ...GREEDY,
    prompt: "What is the capital of France?",
  });
  assertEquals([text, finishReason], ["The capital of France is Paris.", "stop"]);
  assertGreater(usage.inputTokens ?? 0, 0);
  assertGreater(usage.outputTokens ?? 0, 0);
});

Deno.test("ollama-ai-provider-v2: maxOutputTokens bounds the answer", async () => {
  await using server = tinyServer();
  const { finishReason, usage } = await generateText({
    model: model(server),
    ...GREEDY,
    maxOutputTokens: 2,
    prompt: "What is the capital of France?",
  });
  assertEquals([finishReason, usage.outputTokens], ["length", 2]);
});

Deno.test("ollama-ai-provider-v2: streamText", async () => {
  await using server = tinyServer();
  const { textStream } = streamText({
    model: model(server),
    ...GREEDY,
    prompt: "What is the capital of France?",
  });
  const parts: string[] = [];
  for await (const part of textStream) parts.push(part);
  assertGreater(parts.length, 1);
  assertEquals(parts.join(""), "The capital of France is Paris.");
});

Deno.test("ollama-ai-provider-v2: a tool is called and its result is used", async () => {
  await using server = tinyServer();
  const asked: unknown[] = [];
  const { text } = await generateText({
    model: model(server),
    ...GREEDY,
    stopWhen: stepCountIs(3),
    prompt: "What is the weather in Paris?",
    tools: {
      get_weather: tool({
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
      }),
    },
  });
  assertEquals(asked, [{ city: "Paris" }]);
  assertStringIncludes(text, "windy");
});

Deno.test("ollama-ai-provider-v2: a structured answer follows its schema", async () => {
  await using server = tinyServer();
  const { output } = await generateText({
    model: model(server),
    ...GREEDY,
    prompt: "What is the capital of France?",
    output: Output.object({
      schema: jsonSchema<{ capital: string }>({
        type: "object",
        properties: { capital: { type: "string", maxLength: 20 } },
        required: ["capital"],
        additionalProperties: false,
      }),
    }),
  });
  assertEquals(Object.keys(output), ["capital"]);
});
