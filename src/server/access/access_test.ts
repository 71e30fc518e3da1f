import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Client, listen } from "../../../tests/doubles/listening.ts";
import { serverDouble } from "../../../tests/doubles/server.ts";
import { KeysDouble } from "../../../tests/doubles/keys.ts";
import { entryDouble, PoolDouble } from "../../../tests/doubles/pool.ts";
import { EngineDouble } from "../../../tests/doubles/engine.ts";
import { SCOPES } from "../../access/mod.ts";
import type { AccessRecord, Route } from "../http/mod.ts";
import { allRoutes, ollamaServerRoutes } from "../routes.ts";

const CHAT = { model: "double", messages: [{ role: "user", content: "Hi" }] };

/** Every route once, with the address that has it. */
const ROUTES: readonly [Route, readonly Route[]][] = [
  ...allRoutes.map((route) => [route, allRoutes] as [Route, readonly Route[]]),
  ...ollamaServerRoutes.map((route) => [route, ollamaServerRoutes] as [Route, readonly Route[]]),
];

Deno.test("every route declares a scope, and only liveness checks are open", () => {
  for (const [{ method, path, scope }] of ROUTES) {
    assert(scope === "any" || SCOPES.includes(scope), `${method} ${path}`);
  }
  const open = ROUTES.filter(([route]) => route.open).map(([{ path }]) => path);
  assertEquals(open, ["/ui", "/health", "/v1/health", "/"]);
});

Deno.test("routes that change the server need the scope admin", () => {
  const isChange = ({ method, path }: Route) =>
    /pull|create|copy|blobs|push|delete|discover|load|lora|keys/.test(path) && method !== "GET";
  const changes = ROUTES.filter(([route]) => isChange(route));
  assert(changes.length > 15);
  for (const [{ path, scope }] of changes) assertEquals(scope, "admin", path);
});

Deno.test("no GET request that another site makes a browser send loads a model", async () => {
  for (const [{ method, path }, routes] of ROUTES) {
    if (method !== "GET") continue;
    const { send, pool, entry } = serverDouble({ routes });
    const headers = { "sec-fetch-site": "cross-site", "sec-fetch-dest": "image" };
    const url = `${path.replace(/:\w+/g, "double")}?model=double`;
    const response = await send("GET", url, undefined, headers);
    await response.body?.cancel();
    assertEquals(pool.state(entry).state, "unloaded", path);
  }
});

Deno.test("a key that may only read about models loads none and keeps none loaded", async () => {
  await using keys = await KeysDouble.create();
  const headers = { "x-api-key": (await keys.issue({ scopes: ["models:read"] })).token };
  for (const [{ method, path, scope }, routes] of ROUTES) {
    if (scope !== "models:read") continue;
    const { send, pool, entry } = serverDouble({ routes, context: { keyring: keys.keyring } });
    const url = `${path.replace(/:\w+/g, "double")}?model=double`;
    const ask = () =>
      send(method, url, method === "POST" ? { model: "double" } : undefined, headers);
    const first = await ask();
    assertEquals(pool.state(entry).state, "unloaded", path);
    const text = await first.text();
    if (["/props", "/slots", "/lora-adapters"].includes(path)) {
      assertEquals(first.status, 403, path);
      assertStringIncludes(text, "needs the scope chat or embed or admin");
    } else assertEquals(first.status, 200, `${path} ${text}`);
    await pool.engine(entry);
    const second = await ask();
    assertEquals([second.status, pool.leases], [200, 0], path);
    await second.body?.cancel();
  }
});

Deno.test("a key that may only read about models loads no adapter", async () => {
  await using keys = await KeysDouble.create();
  const headers = { "x-api-key": (await keys.issue({ scopes: ["models:read"] })).token };
  const { send, pool, entry, engine } = serverDouble({ context: { keyring: keys.keyring } });
  await pool.engine(entry);
  const ask = () => send("GET", "/props?model=double:pirate", undefined, headers);
  const response = await ask();
  assertEquals(response.status, 403);
  assertStringIncludes(await response.text(), "The adapter 'pirate' is not loaded");
  assertEquals(engine.adapters, []);
  const path = "/models/pirate.gguf";
  await engine.changeAdapters({ action: "load", name: "pirate", path, scale: 0 });
  const again = await ask();
  assertEquals(again.status, 200);
  await again.body?.cancel();
});

Deno.test("a key without the scope of a route is refused on it in the dialect's form", async () => {
  await using keys = await KeysDouble.create();
  for (const [{ method, path, scope, open }, routes] of ROUTES) {
    if (open || scope === "any") continue;
    const scopes = SCOPES.filter((one) => one !== scope);
    const { handler } = serverDouble({ routes, context: { keyring: keys.keyring } });
    const headers = { "x-api-key": (await keys.issue({ scopes })).token };
    const url = `http://localhost${path.replace(/:\w+/g, "x")}`;
    const response = await handler(new Request(url, { method, headers }));
    assertEquals(response.status, 403, `${method} ${path}`);
    const body = await response.json();
    assertStringIncludes(body.error.message ?? body.error, `lacks the scope '${scope}'`);
  }
});

Deno.test("a key with a scope may use its routes, by any of the headers", async () => {
  await using keys = await KeysDouble.create();
  const server = serverDouble({ context: { keyring: keys.keyring } });
  const { token } = await keys.issue({ scopes: ["chat"] });
  const sent = [{ authorization: `Bearer ${token}` }, { "x-api-key": token }, { "api-key": token }];
  for (const headers of sent) {
    const response = await server.send("POST", "/v1/chat/completions", CHAT, headers);
    assertEquals(response.status, 200);
    await response.body?.cancel();
  }
});

Deno.test("with signed keys and an API key, both are accepted and nothing else", async () => {
  await using keys = await KeysDouble.create();
  const settings = { apiKey: "full" };
  const server = serverDouble({ settings, context: { keyring: keys.keyring } });
  const { token } = await keys.issue({ scopes: ["models:read"] });
  const status = async (path: string, key?: string) => {
    const headers: Record<string, string> = key === undefined ? {} : { "x-api-key": key };
    const response = await server.send("GET", path, undefined, headers);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await status("/v1/models", "full"), 200);
  assertEquals(await status("/metrics", "full"), 200);
  assertEquals(await status("/v1/models", token), 200);
  assertEquals(await status("/metrics", token), 403);
  assertEquals(await status("/v1/models", "other"), 401);
  assertEquals(await status("/v1/models"), 401);
  assertEquals(await status("/health"), 200);
});

Deno.test("without a list of keys, no key is required and tokens are just text", async () => {
  await using keys = await KeysDouble.create({ required: false });
  const server = serverDouble({ context: { keyring: keys.keyring } });
  const response = await server.send("GET", "/v1/models", undefined, { "x-api-key": "any" });
  assertEquals(response.status, 200);
  await response.body?.cancel();
});

Deno.test("an expired and a revoked key are 401 and say so", async () => {
  await using keys = await KeysDouble.create();
  const server = serverDouble({ context: { keyring: keys.keyring } });
  const { token, claims } = await keys.issue({ expires: 2_000_000_000 });
  const error = async () => {
    const response = await server.send("GET", "/v1/models", undefined, { "x-api-key": token });
    return [response.status, (await response.json()).error?.message];
  };
  assertEquals((await error())[0], 200);
  keys.now = 2_000_000_000_000;
  assertEquals(await error(), [401, "The API key has expired"]);
  await keys.revoke(claims.id);
  assertEquals(await error(), [401, "The API key was revoked"]);
});

Deno.test("a key sees and uses only its models", async () => {
  await using keys = await KeysDouble.create();
  const pool = new PoolDouble(
    { entry: entryDouble("secret"), engine: new EngineDouble() },
    { entry: entryDouble("double"), engine: new EngineDouble() },
    { entry: entryDouble("double-two"), engine: new EngineDouble() },
  );
  const server = serverDouble({ context: { keyring: keys.keyring, pool } });
  const scopes = [...SCOPES];
  const headers = { "x-api-key": (await keys.issue({ scopes, models: ["DOUBLE*"] })).token };
  const get = async (path: string) =>
    await (await server.send("GET", path, undefined, headers)).json();
  const names = (list: { id?: string; name?: string }[]) => list.map(({ id, name }) => id ?? name);
  assertEquals(names((await get("/v1/models")).data), ["double", "double-two"]);
  assertEquals(names((await get("/api/tags")).models), ["double:latest", "double-two:latest"]);
  assertEquals(names((await get("/api/models")).models), ["double", "double-two"]);
  const refused = [
    ["POST", "/v1/chat/completions", { ...CHAT, model: "secret" }],
    ["POST", "/v1/chat/completions", { messages: CHAT.messages }],
    ["POST", "/v1/messages", { ...CHAT, model: "secret", max_tokens: 5 }],
    ["POST", "/api/chat", { ...CHAT, model: "secret" }],
    ["POST", "/api/generate", { prompt: "Hi", model: "secret" }],
    ["POST", "/v1/responses", { input: "Hi", model: "secret" }],
    ["POST", "/tokenize", { content: "Hi", model: "secret" }],
    ["POST", "/api/show", { model: "secret" }],
    ["POST", "/api/models/secret/load", undefined],
    ["POST", "/api/models/secret/unload", undefined],
    ["GET", "/api/models/secret/status", undefined],
    ["GET", "/v1/models/secret", undefined],
  ] as const;
  for (const [method, path, body] of refused) {
    const response = await server.send(method, path, body, headers);
    const text = await response.text();
    assertEquals(response.status, 403, `${method} ${path}: ${text}`);
    assertStringIncludes(text, "may not use the");
  }
  const unknown = await server.send(
    "POST",
    "/v1/chat/completions",
    { ...CHAT, model: "x" },
    headers,
  );
  const { error } = await unknown.json();
  assertEquals([unknown.status, error.code], [404, "model_not_found"]);
  assert(!error.message.includes("secret"), error.message);
});

Deno.test("a key that is limited to models may not add any", async () => {
  await using keys = await KeysDouble.create();
  const store = {
    find: () => Promise.reject(new Error()),
    plan: () => Promise.reject(new Error()),
    pull: () => Promise.reject(new Error()),
    removal: () => Promise.reject(new Error()),
    pulled: () => Promise.resolve(new Set<string>()),
    create: () => Promise.reject(new Error()),
    blobs: () => Promise.reject(new Error()),
  };
  const server = serverDouble({ context: { keyring: keys.keyring, store } });
  const headers = {
    "x-api-key": (await keys.issue({ scopes: ["admin"], models: ["double"] })).token,
  };
  const response = await server.send("POST", "/api/pull", { model: "x", stream: false }, headers);
  assertEquals(response.status, 403);
  assertStringIncludes((await response.json()).error, "may not pull or create models");
});

Deno.test("limits are told in headers and kept, in each dialect's form", async () => {
  await using keys = await KeysDouble.create();
  const server = serverDouble({ context: { keyring: keys.keyring } });
  const limits = { rate: { amount: 2, seconds: 3600 }, tokens: { amount: 1000, seconds: 86_400 } };
  const headers = { "x-api-key": (await keys.issue(limits)).token };
  const first = await server.send("POST", "/v1/chat/completions", CHAT, headers);
  const { usage } = await first.json();
  const told = (response: Response, prefix: string) =>
    Object.fromEntries([...response.headers].filter(([name]) => name.startsWith(prefix)));
  assertEquals(told(first, "x-ratelimit"), {
    "x-ratelimit-limit-requests": "2",
    "x-ratelimit-remaining-requests": "1",
    "x-ratelimit-reset-requests": "46m40s",
    "x-ratelimit-limit-tokens": "1000",
    "x-ratelimit-remaining-tokens": String(1000 - usage.total_tokens),
    "x-ratelimit-reset-tokens": "1h46m40s",
  });
  const body = { ...CHAT, max_tokens: 5 };
  const second = await server.send("POST", "/v1/messages", body, headers);
  await second.body?.cancel();
  assertEquals(told(second, "anthropic-ratelimit-requests"), {
    "anthropic-ratelimit-requests-limit": "2",
    "anthropic-ratelimit-requests-remaining": "0",
    "anthropic-ratelimit-requests-reset": "2023-11-14T23:00:00Z",
  });
  const over = await server.send("POST", "/v1/messages", body, headers);
  assertEquals([over.status, over.headers.get("retry-after")], [429, "2800"]);
  assertEquals((await over.json()).error.type, "rate_limit_error");
  const overOpenAI = await server.send("POST", "/v1/chat/completions", CHAT, headers);
  const { error } = await overOpenAI.json();
  assertEquals([error.type, error.code], ["rate_limit_error", "rate_limit_exceeded"]);
  assertStringIncludes(error.message, "limit of requests is reached: 2/hour");
  const overOllama = await server.send("GET", "/api/tags", undefined, headers);
  assertEquals([overOllama.status, typeof (await overOllama.json()).error], [429, "string"]);
});

Deno.test("tokens of a streamed answer count when it ends", async () => {
  await using keys = await KeysDouble.create();
  const server = serverDouble({ context: { keyring: keys.keyring } });
  const { token, claims } = await keys.issue({ tokens: { amount: 1000, seconds: 86_400 } });
  const headers = { "x-api-key": token };
  const body = { ...CHAT, stream: true, stream_options: { include_usage: true } };
  const response = await server.send("POST", "/v1/chat/completions", body, headers);
  assertEquals(keys.keyring.quotas(claims).tokens?.remaining, 1000);
  const total = Number(/"total_tokens":(\d+)/.exec(await response.text())![1]);
  assertEquals(keys.keyring.quotas(claims).tokens?.remaining, 1000 - total);
});

Deno.test("requests and tokens are counted by key in the metrics and the records", async () => {
  await using keys = await KeysDouble.create();
  const records: AccessRecord[] = [];
  const access = (record: AccessRecord) => void records.push(record);
  const settings = { apiKey: "full" };
  const server = serverDouble({ settings, context: { keyring: keys.keyring, access } });
  const { token, claims: { id } } = await keys.issue();
  const answer = await server.send("POST", "/v1/chat/completions", CHAT, { "x-api-key": token });
  const { usage } = await answer.json();
  await (await server.send("GET", "/metrics", undefined, { "x-api-key": token })).body?.cancel();
  const metrics = await (await server.send("GET", "/metrics", undefined, { "x-api-key": "full" }))
    .text();
  for (
    const line of [
      `shimmy_key_requests_total{key="${id}",status="200"} 1`,
      `shimmy_key_requests_total{key="${id}",status="403"} 1`,
      `shimmy_key_tokens_total{key="${id}",kind="prompt"} ${usage.prompt_tokens}`,
      `shimmy_key_tokens_total{key="${id}",kind="completion"} ${usage.completion_tokens}`,
    ]
  ) assertStringIncludes(metrics, line);
  await (await server.send("POST", "/api/models/double/load")).body?.cancel();
  assertEquals(records.map(({ route, key, status }) => [route, key, status]), [
    ["/v1/chat/completions", id, 200],
    ["/metrics", id, 403],
    ["/metrics", "api-key", 200],
    ["/api/models/:name/load", null, 401],
  ]);
});

Deno.test("a stored response belongs to the key that made it", async () => {
  await using keys = await KeysDouble.create();
  const server = serverDouble({ settings: { apiKey: "full" }, context: { keyring: keys.keyring } });
  const [one, two] = [await keys.issue({ models: ["double"] }), await keys.issue()];
  const send = (method: string, path: string, key: string, body?: unknown) =>
    server.send(method, path, body, { "x-api-key": key });
  const made = await send("POST", "/v1/responses", one.token, { model: "double", input: "Hi" });
  const { id } = await made.json();
  const status = async (method: string, key: string) => {
    const response = await send(method, `/v1/responses/${id}`, key);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await status("GET", two.token), 404);
  assertEquals(await status("DELETE", two.token), 404);
  const next = { model: "double", input: "Go on", previous_response_id: id };
  const stolen = await send("POST", "/v1/responses", two.token, next);
  assertEquals([stolen.status, (await stolen.json()).error.param], [400, "previous_response_id"]);
  assertEquals(await status("GET", one.token), 200);
  assertEquals(await status("GET", "full"), 200);
  assertEquals(await status("DELETE", one.token), 200);
});

Deno.test("each request over a WebSocket counts, and a revoked key ends with the next one", async () => {
  await using keys = await KeysDouble.create();
  const records: AccessRecord[] = [];
  const access = (record: AccessRecord) => void records.push(record);
  await using server = listen({}, {}, { keyring: keys.keyring, access });
  const { token, claims } = await keys.issue({
    rate: { amount: 2, seconds: 3600 },
    tokens: { amount: 1000, seconds: 3600 },
  });
  await using client = await new Client(server.port, { "x-api-key": token }).open();
  const remaining = () => keys.keyring.quotas(claims).requests?.remaining;
  const ask = async () => {
    client.send({ prompt: "Hi" });
    return JSON.parse((await client.answer()).at(-1)!);
  };
  const { usage } = await ask();
  assertEquals(remaining(), 1);
  assertEquals(keys.keyring.quotas(claims).tokens?.remaining, 1000 - usage.total_tokens);
  assertEquals((await ask()).done, true);
  assertEquals(remaining(), 0);
  assertStringIncludes((await ask()).error, "limit of requests is reached: 2/hour");
  await keys.revoke(claims.id);
  assertEquals((await ask()).error, "The API key was revoked");
  const sent = records.filter(({ method }) => method === "WEBSOCKET");
  assertEquals(sent.map(({ key, status }) => [key, status]), [
    [claims.id, 200],
    [claims.id, 200],
    [claims.id, 429],
    [claims.id, 401],
  ]);
});

Deno.test("a revoked key ends its running answers, also those without their client", async () => {
  await using keys = await KeysDouble.create();
  const engine = {
    script: { tokens: ["x"], endless: true },
    beforeToken: () => new Promise<void>((resolve) => setTimeout(resolve, 1)),
  };
  const server = serverDouble({ engine, context: { keyring: keys.keyring } });
  const [revoked, other] = [await keys.issue(), await keys.issue()];
  const stream = async (token: string, detach: boolean) => {
    const body = { ...CHAT, stream: true, detach };
    return await server.send("POST", "/v1/chat/completions", body, { "x-api-key": token });
  };
  const [first, detached, kept] = [
    await stream(revoked.token, false),
    await stream(revoked.token, true),
    await stream(other.token, false),
  ];
  await detached.body!.cancel();
  await keys.revoke(revoked.claims.id);
  assertStringIncludes(await first.text(), "The API key was revoked");
  while (server.engine.running > 1) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(server.engine.finished, ["cancelled", "cancelled"]);
  await kept.body!.cancel();
  while (server.engine.running > 0) await new Promise((resolve) => setTimeout(resolve, 1));
});
