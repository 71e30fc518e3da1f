/** Images in the requests of official clients. They need libmtmd. */
import { assertEquals } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import { generateText } from "test:ai";
import { createAnthropic } from "test:ai-anthropic";
import { createOpenAI } from "test:ai-openai";
import { createOpenAICompatible } from "test:ai-openai-compatible";
import { generateText as generateTextV7 } from "test:ai-v7";
import Anthropic from "test:anthropic";
import { Ollama } from "test:ollama";
import { createOllama } from "test:ollama-ai-provider";
import OpenAI from "test:openai";
import { PICTURE, SEEING, SEEN, visionTest } from "./vision_server.ts";

const QUESTION = "What do you see?";
const data = encodeBase64(PICTURE);
const dataUrl = `data:image/png;base64,${data}`;

visionTest("openai: an image in a chat completion", async (url) => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
  const { choices } = await client.chat.completions.create({
    model: SEEING,
    temperature: 0,
    messages: [{
      role: "user",
      content: [
        { type: "image_url", image_url: { url: dataUrl, detail: "low" } },
        { type: "text", text: QUESTION },
      ],
    }],
  });
  assertEquals(choices[0]!.message.content, SEEN);
});

visionTest("openai: an image in a response, and a later question about it", async (url) => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
  const response = await client.responses.create({
    model: SEEING,
    temperature: 0,
    input: [{
      role: "user",
      content: [
        { type: "input_image", image_url: dataUrl, detail: "auto" },
        { type: "input_text", text: QUESTION },
      ],
    }],
  });
  assertEquals(response.output_text, SEEN);
  const next = await client.responses.create({
    model: SEEING,
    temperature: 0,
    max_output_tokens: 8,
    previous_response_id: response.id,
    input: "Thanks",
  });
  assertEquals(next.usage!.input_tokens > response.usage!.input_tokens, true);
});

visionTest("@anthropic-ai/sdk: an image in a message and in the result of a tool", async (url) => {
  const client = new Anthropic({ baseURL: url, apiKey: "none", maxRetries: 0 });
  const source = { type: "base64", media_type: "image/png", data } as const;
  const message = await client.messages.create({
    model: SEEING,
    max_tokens: 32,
    messages: [{
      role: "user",
      content: [{ type: "image", source }, { type: "text", text: QUESTION }],
    }],
    ...{ temperature: 0 },
  });
  assertEquals(message.content.map((block) => block.type === "text" ? block.text : ""), [SEEN]);
  const input = { type: "tool_use", id: "toolu_1", name: "look", input: {} } as const;
  const result = {
    type: "tool_result" as const,
    tool_use_id: "toolu_1",
    content: [{ type: "image" as const, source }],
  };
  const after = await client.messages.create({
    model: SEEING,
    max_tokens: 8,
    messages: [
      { role: "user", content: "Look" },
      { role: "assistant", content: [input] },
      { role: "user", content: [result] },
    ],
  });
  // The image takes 18 tokens.
  assertEquals(after.usage.input_tokens > 18, true);
  const { input_tokens: counted } = await client.messages.countTokens({
    model: SEEING,
    messages: [{ role: "user", content: [{ type: "image", source }] }],
  });
  assertEquals(counted > 18, true);
});

visionTest("ollama: an image as bytes and in base64", async (url) => {
  const client = new Ollama({ host: url });
  const options = { temperature: 0, num_predict: 32 };
  for (const image of [PICTURE, data]) {
    const { message } = await client.chat({
      model: SEEING,
      options,
      messages: [{ role: "user", content: QUESTION, images: [image] as string[] | Uint8Array[] }],
    });
    assertEquals(message.content, SEEN);
  }
  const { response } = await client.generate({
    model: SEEING,
    options,
    prompt: QUESTION,
    images: [PICTURE],
  });
  assertEquals(response, SEEN);
  assertEquals((await client.show({ model: SEEING })).capabilities.includes("vision"), true);
});

/** The packages of the AI SDK, each with the API it speaks. */
const PROVIDERS = {
  "@ai-sdk/openai-compatible": (url: string) =>
    createOpenAICompatible({ name: "shimmy", baseURL: `${url}/v1`, apiKey: "none" })(SEEING),
  "@ai-sdk/openai (responses)": (url: string) =>
    createOpenAI({ baseURL: `${url}/v1`, apiKey: "none" })(SEEING),
  "@ai-sdk/openai (chat)": (url: string) =>
    createOpenAI({ baseURL: `${url}/v1`, apiKey: "none" }).chat(SEEING),
  "@ai-sdk/anthropic": (url: string) =>
    createAnthropic({ baseURL: `${url}/v1`, apiKey: "none" })(SEEING),
};

const GREEDY = { temperature: 0, maxOutputTokens: 32, maxRetries: 0 };

for (const [name, modelOf] of Object.entries(PROVIDERS)) {
  visionTest(`${name}: an image`, async (url) => {
    const { text } = await generateText({
      ...GREEDY,
      model: modelOf(url),
      messages: [{
        role: "user",
        content: [{ type: "image", image: PICTURE }, { type: "text", text: QUESTION }],
      }],
    });
    assertEquals(text, SEEN);
  });
}

visionTest("ollama-ai-provider-v2: an image", async (url) => {
  const { text } = await generateTextV7({
    ...GREEDY,
    model: createOllama({ baseURL: `${url}/api` })(SEEING),
    messages: [{
      role: "user",
      content: [
        // Version 4.0.1 of the provider fails on bytes before it sends a request.
        { type: "file", mediaType: "image/png", data },
        { type: "text", text: QUESTION },
      ],
    }],
  });
  assertEquals(text, SEEN);
});
