import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { post, SETTINGS } from "../../tests/doubles/context.ts";
import { EngineDouble } from "../../tests/doubles/engine.ts";
import { entryDouble, PoolDouble } from "../../tests/doubles/pool.ts";
import { createHandler } from "./app.ts";

const handler = createHandler({
  pool: new PoolDouble(
    { entry: entryDouble("tiny"), engine: new EngineDouble() },
    { entry: entryDouble("other"), engine: new EngineDouble() },
  ),
  settings: SETTINGS,
});

/** The prefix that the response tells. */
async function prefixOf(path: string, body: Record<string, unknown>): Promise<string | null> {
  const response = await handler(post(path, { model: "tiny", ...body }));
  const text = await response.text();
  assertEquals(response.status, 200, text);
  return response.headers.get("x-shimmy-prefix");
}

const USER = { role: "user", content: "Hi" };
const SYSTEM = { role: "system", content: "Be brief." };

Deno.test("every dialect tells the same prefix for the same beginning", async () => {
  const messages = [SYSTEM, USER];
  const expected = await prefixOf("/v1/chat/completions", { messages });
  assertMatch(expected ?? "", /^[0-9a-f]{16}$/);
  for (
    const [path, body] of [
      ["/v1/chat/completions", { messages, stream: true }],
      ["/v1/chat/completions", { messages, n: 3 }],
      [
        "/v1/chat/completions",
        { messages: [...messages, { role: "assistant", content: "Hello." }, USER] },
      ],
      ["/v1/messages", { system: SYSTEM.content, messages: [USER], max_tokens: 9 }],
      ["/v1/messages", { system: SYSTEM.content, messages: [USER], max_tokens: 9, stream: true }],
      ["/v1/responses", { instructions: SYSTEM.content, input: "Hi" }],
      ["/api/chat", { messages }],
      ["/api/chat", { messages, stream: false }],
      ["/api/generate", { messages }],
      ["/api/generate", { messages, stream: true }],
    ] as const
  ) assertEquals(await prefixOf(path, body), expected, `${path} ${JSON.stringify(body)}`);
  assertNotEquals(await prefixOf("/v1/chat/completions", { messages, model: "other" }), expected);
  assertNotEquals(await prefixOf("/v1/chat/completions", { messages: [USER] }), expected);
});

Deno.test("every dialect tells the same prefix for the same raw prompt", async () => {
  const prompt = "Once upon a time";
  const expected = await prefixOf("/v1/completions", { prompt });
  assertEquals(await prefixOf("/api/generate", { prompt, raw: true }), expected);
  assertEquals(await prefixOf("/completion", { prompt }), expected);
});

Deno.test("a response without an answer tells no prefix", async () => {
  assertEquals(await prefixOf("/v1/embeddings", { input: "Hi" }), null);
  const refused = await handler(post("/v1/chat/completions", { model: "tiny", messages: [] }));
  assertEquals([refused.status, refused.headers.get("x-shimmy-prefix")], [400, null]);
  await refused.body?.cancel();
});
