import { assertEquals, assertGreater, assertRejects } from "@std/assert";
import { HumanMessage, type ToolMessage } from "test:langchain-core/messages";
import { tool } from "test:langchain-core/tools";
import { ChatOpenAI } from "test:langchain-openai";
import { z } from "zod";
import { MODEL, tinyServer } from "./tiny_server.ts";

const FRANCE = "What is the capital of France?";
const PARIS = "The capital of France is Paris.";

/** The APIs that LangChain can talk to the same server through. */
const APIS = { chat: false, responses: true };

const weather = tool(() => JSON.stringify({ weather: "windy", temperature: 7 }), {
  name: "get_weather",
  description: "Get the weather in a city",
  schema: z.object({ city: z.string() }),
});

for (const [api, useResponsesApi] of Object.entries(APIS)) {
  const modelOf = (url: string, model = MODEL) =>
    new ChatOpenAI({
      model,
      temperature: 0,
      maxTokens: 96,
      maxRetries: 0,
      apiKey: "none",
      useResponsesApi,
      configuration: { baseURL: `${url}/v1` },
    });

  Deno.test(`@langchain/openai (${api}): invoke`, async () => {
    await using server = tinyServer();
    const answer = await modelOf(server.url).invoke(FRANCE);
    assertEquals(answer.text, PARIS);
    const usage = answer.usage_metadata as { readonly input_tokens: number } | undefined;
    assertGreater(usage?.input_tokens ?? 0, 0);
  });

  Deno.test(`@langchain/openai (${api}): stream`, async () => {
    await using server = tinyServer();
    let text = "";
    for await (const chunk of await modelOf(server.url).stream(FRANCE)) text += chunk.text;
    assertEquals(text, PARIS);
  });

  Deno.test(`@langchain/openai (${api}): tools to the sentence`, async () => {
    await using server = tinyServer();
    const model = modelOf(server.url).bindTools([weather]);
    const question = new HumanMessage("What is the weather in Oslo?");
    const called = await model.invoke([question]);
    const [call] = called.tool_calls!;
    assertEquals([call?.name, call?.args], ["get_weather", { city: "Oslo" }]);
    const result = await weather.invoke(call!);
    const answer = await model.invoke([question, called, result as ToolMessage]);
    assertEquals(answer.text, "The weather in Oslo is windy, 7 degrees.");
  });

  Deno.test(`@langchain/openai (${api}): structured output`, async () => {
    await using server = tinyServer();
    const person = z.object({ name: z.string(), age: z.int() });
    const model = modelOf(server.url).withStructuredOutput(person, { method: "jsonSchema" });
    assertEquals(await model.invoke("Give me JSON for Alice, age 30."), { name: "Alice", age: 30 });
  });

  Deno.test(`@langchain/openai (${api}): an unknown model is refused`, async () => {
    await using server = tinyServer();
    await assertRejects(
      () => modelOf(server.url, "gpt-none").invoke("Hello"),
      Error,
      "Model 'gpt-none' not found",
    );
  });
}
