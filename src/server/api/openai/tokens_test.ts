import { assertEquals, assertStringIncludes } from "@std/assert";
import { serverDouble } from "../../../../tests/doubles/server.ts";

const MESSAGES = [{ role: "user", content: "Hi" }];

async function ask(path: string, body: unknown) {
  return await (await serverDouble().request(path, body)).json();
}

Deno.test("text becomes token ids and back", async () => {
  assertEquals(await ask("/tokenize", { content: "Hi" }), { tokens: [72, 105] });
  assertEquals(await ask("/detokenize", { tokens: [72, 105] }), { content: "Hi", prompt: "Hi" });
});

Deno.test("text and conversations become token ids in vLLM's form", async () => {
  const counted = { count: 2, max_model_len: 1024, tokens: [72, 105] };
  assertEquals(await ask("/tokenize", { prompt: "Hi" }), { ...counted, token_strs: null });
  assertEquals(await ask("/tokenize", { prompt: "Hi", return_token_strs: true }), {
    ...counted,
    token_strs: ["H", "i"],
  });
  const { prompt } = await ask("/apply-template", { messages: MESSAGES });
  const { tokens, count } = await ask("/tokenize", { messages: MESSAGES });
  assertEquals(tokens, (await ask("/tokenize", { content: prompt })).tokens);
  assertEquals(count, tokens.length);
});

Deno.test("a tokenizer is described as vLLM describes it", async () => {
  const response = await serverDouble().request("/tokenizer_info");
  const { eos_token, bos_token, model_max_length } = await response.json();
  assertEquals([eos_token, bos_token, model_max_length], ["<|im_end|>", null, 1024]);
});

Deno.test("control tokens in a text are parsed unless the request disables it", async () => {
  const content = "<|im_end|>";
  assertEquals((await ask("/tokenize", { content })).tokens.length, 1);
  assertEquals((await ask("/tokenize", { content, parse_special: false })).tokens.length, 10);
});

Deno.test("a conversation is shown as the model reads it", async () => {
  const { prompt } = await ask("/apply-template", { messages: MESSAGES });
  assertStringIncludes(prompt, "<|im_start|>user\nHi<|im_end|>");
});

Deno.test("a count equals the prompt tokens of a request with the same conversation", async () => {
  const server = serverDouble();
  const post = async (path: string, body: unknown) =>
    await (await server.request(path, body)).json();
  const { usage } = await post("/v1/chat/completions", { messages: MESSAGES });
  const chat = await post("/v1/chat/completions/input_tokens", { messages: MESSAGES });
  const response = await post("/v1/responses/input_tokens", { input: "Hi" });
  assertEquals(chat, { object: "response.input_tokens", input_tokens: usage.prompt_tokens });
  assertEquals(response, chat);
});

Deno.test("the texts of all tokens are one question to the engine", async () => {
  const { request, engine } = serverDouble();
  engine.detokenize = () => Promise.reject(new Error("There is a question for each token"));
  const encoder = new TextEncoder();
  engine.pieces = (tokens) =>
    Promise.resolve(tokens.map((token) => encoder.encode(String.fromCodePoint(token))));
  const response = await request("/tokenize", { prompt: "Hi", return_token_strs: true });
  assertEquals((await response.json()).token_strs, ["H", "i"]);
});
