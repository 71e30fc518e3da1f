/** Settings of the configuration file, from the registry to requests and responses. */
import { assertEquals, assertMatch } from "@std/assert";
import { SETTINGS } from "../../tests/doubles/context.ts";
import { EngineDouble } from "../../tests/doubles/engine.ts";
import { entryDouble } from "../../tests/doubles/pool.ts";
import { TINY_TEMPLATE } from "../../tests/doubles/tiny_template.ts";
import { createPool } from "../models/registry/registry.ts";
import { createHandler } from "./app.ts";

/** A server with the model `double`, which the configuration gives aliases, a system message and a limit. */
function configured(aliases: Readonly<Record<string, string>> = { "gpt-4": "double" }) {
  const engine = new EngineDouble({ info: { chatTemplate: TINY_TEMPLATE } });
  const pool = createPool({
    discover: () => Promise.resolve({ models: [entryDouble("double")], skipped: [], sources: [] }),
    load: () => Promise.resolve(engine),
    loras: [],
    paths: "found",
    config: {
      models: { double: { aliases: ["mine"], settings: { system: "Be brief", maxTokens: 5 } } },
      aliases,
      defaults: {},
    },
  });
  const handler = createHandler({ pool, settings: SETTINGS });
  const send = async (path: string, body?: unknown) => {
    const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    return await (await handler(new Request(`http://localhost${path}`, init))).json();
  };
  const prompt = (index: number) =>
    engine.requests[index]!.prompt.map((part) => "text" in part ? part.text : "").join("");
  return { pool, engine, send, prompt };
}

const MESSAGES = [{ role: "user", content: "Hi" }];

Deno.test("aliases of the configuration are listed and repeated as requested", async () => {
  const { pool, send } = configured();
  await using _ = pool;
  const { data } = await send("/v1/models");
  assertEquals(data.map(({ id }: { id: string }) => id), ["double", "mine", "gpt-4"]);
  assertEquals((await send("/v1/models/gpt-4")).id, "gpt-4");
  for (const model of ["double", "mine", "GPT-4"]) {
    const chat = await send("/v1/chat/completions", { model, messages: MESSAGES });
    assertEquals(chat.model, model);
    const message = await send("/v1/messages", { model, messages: MESSAGES, max_tokens: 3 });
    assertEquals(message.model, model);
    assertEquals((await send("/v1/responses", { model, input: "Hi" })).model, model);
    const ollama = await send("/api/chat", { model, messages: MESSAGES, stream: false });
    assertEquals(ollama.model, model);
  }
  // Without a name, and with a name in another case, the answer has the model's own name.
  assertEquals((await send("/v1/chat/completions", { messages: MESSAGES })).model, "double");
  const cased = await send("/v1/chat/completions", { model: "Double", messages: MESSAGES });
  assertEquals(cased.model, "double");
});

Deno.test("with the alias * every unknown name is the model, and answers repeat the name", async () => {
  const { pool, send } = configured({ "*": "double" });
  await using _ = pool;
  const { data } = await send("/v1/models");
  assertEquals(data.map(({ id }: { id: string }) => id), ["double", "mine"]);
  for (const model of ["gpt-4o-mini", "phi3-mini:latest", "a/b"]) {
    const chat = await send("/v1/chat/completions", { model, messages: MESSAGES });
    assertEquals(chat.model, model);
    assertEquals((await send("/v1/completions", { model, prompt: "Hi" })).model, model);
    const message = await send("/v1/messages", { model, messages: MESSAGES, max_tokens: 3 });
    assertEquals(message.model, model);
    assertEquals((await send("/v1/responses", { model, input: "Hi" })).model, model);
    assertEquals((await send("/v1/embeddings", { model, input: "Hi" })).model, model);
    const ollama = await send("/api/chat", { model, messages: MESSAGES, stream: false });
    assertEquals(ollama.model, model);
    const native = await send("/api/generate", { model, prompt: "Hi" });
    assertEquals(native.model, model);
  }
  const known = await send("/v1/chat/completions", { model: "mine", messages: MESSAGES });
  assertEquals(known.model, "mine");
});

Deno.test("the system message of the configuration is used unless the request has one", async () => {
  const { pool, send, prompt } = configured();
  await using _ = pool;
  await send("/v1/chat/completions", { messages: MESSAGES });
  assertMatch(prompt(0), /Be brief[^]*Hi/);
  const own = [{ role: "system", content: "Be long" }, ...MESSAGES];
  await send("/v1/chat/completions", { messages: own });
  assertEquals(prompt(1).includes("Be brief"), false);
  await send("/v1/completions", { prompt: "Once" });
  assertEquals(prompt(2), "Once");
});

Deno.test("the token limit of the configuration applies to requests without one", async () => {
  const { pool, send, engine } = configured();
  await using _ = pool;
  await send("/v1/chat/completions", { messages: MESSAGES });
  await send("/v1/chat/completions", { messages: MESSAGES, max_tokens: 9 });
  await send("/api/generate", { prompt: "Hi", stream: false, model: "mine" });
  assertEquals(engine.requests.map(({ maxTokens }) => maxTokens), [5, 9, 5]);
});
