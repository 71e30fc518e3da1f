import { assert, assertEquals } from "@std/assert";
import { until } from "../../tests/doubles/context.ts";
import type { EngineDoubleOptions } from "../../tests/doubles/engine.ts";
import { serverDouble } from "../../tests/doubles/server.ts";
import type { AccessRecord } from "./http/usage.ts";

/** A server that records its finished requests. */
function recorded(engine: EngineDoubleOptions = {}) {
  const records: AccessRecord[] = [];
  const server = serverDouble({
    engine,
    context: { access: (record) => void records.push(record) },
  });
  return { server, records };
}

Deno.test("a finished request is recorded with its model, tokens and status", async () => {
  const { server, records } = recorded();
  const body = { messages: [{ role: "user", content: "Hi" }] };
  const response = await server.request("/v1/chat/completions", body);
  const { usage } = await response.json();
  assertEquals(records.length, 1);
  const { durationMs, requestId, ...rest } = records[0]!;
  assert(durationMs >= 0);
  assertEquals(requestId, response.headers.get("x-request-id"));
  assertEquals(rest, {
    method: "POST",
    path: "/v1/chat/completions",
    route: "/v1/chat/completions",
    key: null,
    status: 200,
    model: "double",
    promptTokens: usage.prompt_tokens,
    completionTokens: usage.completion_tokens,
  });
  assert(usage.completion_tokens > 0);
});

Deno.test("a streamed request is recorded when its stream ends", async () => {
  const { server, records } = recorded();
  const body = { messages: [{ role: "user", content: "Hi" }], stream: true };
  const response = await server.request("/v1/chat/completions", body);
  assertEquals(records.length, 0);
  await response.text();
  assertEquals([records.length, records[0]?.status], [1, 200]);
  assert(records[0]!.completionTokens > 0);
});

Deno.test("a request without a model or a route is recorded too", async () => {
  const { server, records } = recorded();
  await server.request("/health");
  await server.request("/nope");
  assertEquals(records.map(({ path, status, model }) => [path, status, model]), [
    ["/health", 200, null],
    ["/nope", 404, null],
  ]);
});

Deno.test("several choices of a request count together, and embeddings count their inputs", async () => {
  const { server, records } = recorded();
  const body = { messages: [{ role: "user", content: "Hi" }], n: 2 };
  const { usage } = await (await server.request("/v1/chat/completions", body)).json();
  assertEquals(records[0]!.completionTokens, usage.completion_tokens);
  assertEquals(records[0]!.promptTokens, usage.prompt_tokens);
  const embeddings = { input: ["one", "two"] };
  const embedded = await (await server.request("/v1/embeddings", embeddings)).json();
  assertEquals(records[1]!.promptTokens, embedded.usage.prompt_tokens);
  assert(records[1]!.promptTokens > 0);
});

Deno.test("a request whose client disconnects is recorded with the tokens generated so far", async () => {
  const gate = Promise.withResolvers<void>();
  const { server, records } = recorded({
    beforeToken: (index) => index === 1 ? gate.promise : undefined,
  });
  const body = { messages: [{ role: "user", content: "Hi" }], stream: true };
  const response = await server.request("/v1/chat/completions", body);
  const reader = response.body!.getReader();
  let text = "";
  while (!text.includes("Hello")) text += new TextDecoder().decode((await reader.read()).value);
  await reader.cancel();
  gate.resolve();
  await until(() => records.length > 0);
  assertEquals([records.length, records[0]?.completionTokens], [1, 1]);
  // Otherwise prompts would cost no quota to a client that leaves before the last token.
  assert(records[0]!.promptTokens > 0);
});

Deno.test("each prompt of a request counts once, whatever its number of choices", async () => {
  const { server, records } = recorded();
  for (const [path, many] of [["/v1/completions", "n"], ["/completion", "n_cmpl"]]) {
    records.length = 0;
    const prompts = ["one", "three"];
    await (await server.request(path!, { prompt: prompts, [many!]: 3 })).body?.cancel();
    await until(() => records.length > 0);
    assertEquals([records[0]!.promptTokens, records[0]!.completionTokens], [8, 12], path);
  }
});
