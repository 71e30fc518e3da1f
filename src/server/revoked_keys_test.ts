import { assertEquals, assertStringIncludes } from "@std/assert";
import { KeysDouble } from "../../tests/doubles/keys.ts";
import { serverDouble } from "../../tests/doubles/server.ts";

const CHAT = { messages: [{ role: "user", content: "Hi" }] };

/** Routes of each dialect whose answers stream. */
const STREAMS: Readonly<Record<string, Record<string, unknown>>> = {
  "/api/generate": { prompt: "Hi" },
  "/v1/chat/completions": CHAT,
  "/v1/completions": { prompt: "Hi" },
  "/v1/responses": { input: "Hi" },
  "/v1/messages": { ...CHAT, model: "double", max_tokens: 100 },
  "/api/chat": { ...CHAT, model: "double" },
  "/completion": { prompt: "Hi" },
};

/** A server whose answers have one token until the key is revoked, and a request with a key. */
async function waiting(keys: KeysDouble) {
  const { token, claims } = await keys.issue();
  const begun = Promise.withResolvers<void>();
  const revoked = Promise.withResolvers<void>();
  const { request } = serverDouble({
    engine: {
      script: { tokens: ["a"], endless: true },
      beforeToken(index) {
        if (index !== 1) return;
        begun.resolve();
        return revoked.promise;
      },
    },
    context: { keyring: keys.keyring },
  });
  return {
    send: (path: string, body: Record<string, unknown>) =>
      request(path, undefined, {
        method: "POST",
        headers: { "content-type": "application/json", "x-api-key": token },
        body: JSON.stringify(body),
      }),
    async revoke(): Promise<void> {
      await begun.promise;
      await keys.revoke(claims.id);
      revoked.resolve();
    },
  };
}

Deno.test("the stream of a key that is revoked ends with an error that says so, in each dialect", async () => {
  for (const [path, body] of Object.entries(STREAMS)) {
    await using keys = await KeysDouble.create();
    const { send, revoke } = await waiting(keys);
    const response = await send(path, { ...body, stream: true });
    assertEquals([path, response.status], [path, 200]);
    const text = response.text();
    await revoke();
    assertStringIncludes(await text, "The API key was revoked", path);
  }
});

Deno.test("a whole answer of a key that is revoked meanwhile is 401", async () => {
  await using keys = await KeysDouble.create();
  const { send, revoke } = await waiting(keys);
  const sent = send("/v1/chat/completions", CHAT);
  await revoke();
  const response = await sent;
  assertEquals(response.status, 401);
  assertEquals(response.headers.get("www-authenticate"), 'Bearer error="invalid_token"');
  assertStringIncludes(await response.text(), "The API key was revoked");
});
