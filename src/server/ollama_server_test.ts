/** The address that stands in for Ollama's server, as programs with a fixed address use it. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { readEvents, serverDouble } from "../../tests/doubles/server.ts";
import { ollamaServerRoutes } from "./routes.ts";

/** RustChain's messages: each optional field is present as null. */
const MESSAGES = [{
  role: "user",
  content: "Hello",
  name: null,
  tool_calls: null,
  tool_call_id: null,
}];

function server() {
  return serverDouble({ routes: ollamaServerRoutes });
}

Deno.test("the root reports that Ollama is running, for GET and HEAD, without a key", async () => {
  const { send } = serverDouble({ routes: ollamaServerRoutes, settings: { apiKey: "secret" } });
  assertEquals(await (await send("GET", "/")).text(), "Ollama is running");
  const head = await send("HEAD", "/");
  assertEquals([head.status, await head.text()], [200, ""]);
  assertEquals((await send("GET", "/api/tags")).status, 401);
});

Deno.test("HEAD is answered where Ollama answers it", async () => {
  for (const path of ["/", "/api/tags", "/api/version"]) {
    const response = await server().send("HEAD", path);
    assertEquals([response.status, await response.text()], [200, ""], path);
  }
});

Deno.test("generate is Ollama's whatever the body", async () => {
  const body = { model: "double", prompt: "Hi", max_tokens: 1, stream: false };
  const answer = await (await server().send("POST", "/api/generate", body)).json();
  assertEquals([answer.response, answer.done_reason], ["Hello", "length"]);
});

Deno.test("an unknown path is an error in Ollama's form", async () => {
  const response = await server().send("GET", "/api/models");
  assertEquals(response.status, 404);
  assertEquals(Object.keys(await response.json()), ["error"]);
});

Deno.test("RustChain's chat request is answered", async () => {
  const { send } = server();
  const response = await send("POST", "/v1/chat/completions", {
    model: "double",
    messages: MESSAGES,
    temperature: 0.7,
    max_tokens: 50,
    stream: false,
  });
  assertEquals(response.status, 200);
  const { choices } = await response.json();
  assertEquals(choices[0].message.content, "Hello world");
});

Deno.test("RustChain's streaming request is answered", async () => {
  for (const prompt of [null, "user: Hello"]) {
    const { send } = server();
    const response = await send("POST", "/api/generate", {
      model: "double",
      prompt,
      messages: MESSAGES,
      max_tokens: null,
      temperature: 0.7,
      top_p: null,
      top_k: null,
      stream: true,
    });
    assertEquals(response.status, 200);
    const lines = (await response.text()).trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(lines.map((line) => line.response).join(""), "Hello world");
  }
});

Deno.test("OpenAI's streams are server-sent events here too", async () => {
  const body = { model: "double", messages: [{ role: "user", content: "Hello" }], stream: true };
  const response = await server().send("POST", "/v1/chat/completions", body);
  const events = await readEvents(response);
  assertEquals(events.at(-1)?.data, "[DONE]");
  assertStringIncludes(events.map(({ data }) => data).join(""), "Hello");
});
