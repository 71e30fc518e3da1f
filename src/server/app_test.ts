import { assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { get, post, serverDouble, SETTINGS } from "../../tests/doubles/context.ts";
import { EngineDouble } from "../../tests/doubles/engine.ts";
import { entryDouble, PoolDouble } from "../../tests/doubles/pool.ts";
import { ShimmyError } from "../errors.ts";
import { serverDouble as fullServer } from "../../tests/doubles/server.ts";
import { createHandler } from "./app.ts";
import { HttpError } from "./http/errors.ts";
import type { Dialect, Route } from "./http/route.ts";

Deno.test("an unknown route is 404 with a sentence", async () => {
  const { handler } = serverDouble();
  const response = await handler(get("/nope"));
  assertEquals(response.status, 404);
  assertEquals(await response.json(), { error: "There is no route GET /nope" });
});

Deno.test("a method a route does not take is 405 with Allow", async () => {
  const { handler } = serverDouble();
  const response = await handler(get("/api/generate"));
  assertEquals(response.status, 405);
  assertEquals(response.headers.get("allow"), "POST, OPTIONS");
  assertStringIncludes((await response.json()).error, "takes POST");
});

Deno.test("an unknown path is refused in the shape of the API it lies in", async () => {
  const shape = (name: Dialect["name"]): Dialect => ({ name, errorBody: () => ({ shape: name }) });
  const route = (name: Dialect["name"], path: string): Route => ({
    method: "GET",
    path,
    scope: "any",
    dialect: shape(name),
    summary: "",
    handle: () => new Response(),
  });
  const handler = createHandler({ pool: new PoolDouble(), settings: SETTINGS }, [
    route("openai", "/v1/models"),
    route("anthropic", "/v1/messages"),
    route("ollama", "/api/tags"),
  ]);
  const shapeOf = async (request: Request) => (await (await handler(request)).json()).shape;
  assertEquals(await shapeOf(get("/v1/nope")), "openai");
  assertEquals(await shapeOf(get("/v1/messages/nope")), "anthropic");
  assertEquals(await shapeOf(get("/ollama/nope")), "ollama");
  assertEquals(await shapeOf(post("/api/tags", {})), "ollama");
  assertEquals(await shapeOf(get("/api/nope")), undefined);
});

Deno.test("HEAD answers like GET without a body", async () => {
  const { handler } = serverDouble();
  const response = await handler(new Request("http://localhost/health", { method: "HEAD" }));
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("content-type"), "application/json");
  assertEquals(response.body, null);
});

Deno.test("OPTIONS lists the methods of a path", async () => {
  const { handler } = serverDouble();
  const response = await handler(new Request("http://localhost/health", { method: "OPTIONS" }));
  assertEquals(response.status, 204);
  assertEquals(response.headers.get("allow"), "GET, HEAD, OPTIONS");
  const nowhere = await handler(new Request("http://localhost/nope", { method: "OPTIONS" }));
  assertEquals(nowhere.status, 404);
  await nowhere.body?.cancel();
});

Deno.test("every answer has a request id, the client's own when it is sane", async () => {
  const { handler } = serverDouble();
  const idOf = async (headers: HeadersInit) => {
    const response = await handler(get("/health", headers));
    await response.body?.cancel();
    return response.headers.get("x-request-id")!;
  };
  assertEquals(await idOf({ "x-request-id": "abc-1.2:3" }), "abc-1.2:3");
  assertMatch(await idOf({ "x-request-id": "a b<script>" }), /^[0-9a-f-]{36}$/);
  assertNotEquals(await idOf({}), await idOf({}));
  const refused = await handler(get("/nope", { "x-request-id": "mine" }));
  assertEquals(refused.headers.get("x-request-id"), "mine");
  await refused.body?.cancel();
});

Deno.test("with a key set every route but the liveness checks needs it", async () => {
  const { handler } = serverDouble({}, { apiKey: "secret" });
  const statusOf = async (path: string, headers: HeadersInit = {}) => {
    const response = await handler(get(path, headers));
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await statusOf("/health"), 200);
  assertEquals(await statusOf("/v1/health"), 200);
  for (const path of ["/", "/ready", "/metrics", "/diag", "/api/models", "/nope"]) {
    assertEquals(await statusOf(path), 401, path);
  }
  assertEquals(await statusOf("/api/models", { authorization: "Bearer secret" }), 200);
  assertEquals(await statusOf("/api/models", { authorization: "bearer secret" }), 200);
  assertEquals(await statusOf("/api/models", { "x-api-key": "secret" }), 200);
  assertEquals(await statusOf("/api/models", { "api-key": "secret" }), 200);
  assertEquals(await statusOf("/api/models", { authorization: "Bearer secre" }), 401);
  assertEquals(await statusOf("/api/models", { authorization: "Basic secret" }), 401);
  assertEquals(await statusOf("/api/models", { "x-api-key": "secret2" }), 401);
  assertEquals(await statusOf("/api/models?key=secret"), 401);
});

Deno.test("a 401 explains how to send the key and never contains it", async () => {
  const { handler } = serverDouble({}, { apiKey: "secret" });
  const response = await handler(get("/api/models", { "x-api-key": "guess" }));
  assertEquals(response.headers.get("www-authenticate"), "Bearer");
  const text = await response.text();
  assertStringIncludes(text, "Authorization: Bearer");
  assertEquals(/secret|guess/.test(text), false);
});

Deno.test("on loopback a host that is not local is 403", async () => {
  const { handler } = serverDouble({}, { loopbackOnly: true });
  const statusOf = async (url: string, host?: string) => {
    const response = await handler(
      new Request(url, host === undefined ? {} : { headers: { host } }),
    );
    await response.body?.cancel();
    return response.status;
  };
  for (const host of ["localhost:1", "127.0.0.1:1", "127.9.9.9", "[::1]:1", "app.localhost"]) {
    assertEquals(await statusOf(`http://${host}/health`), 200, host);
    assertEquals(await statusOf("http://localhost/health", host), 200, host);
  }
  for (const host of ["evil.example", "127.0.0.1.evil.example", "192.168.1.2", "notlocalhost"]) {
    assertEquals(await statusOf(`http://${host}/health`), 403, host);
    assertEquals(await statusOf("http://localhost/health", host), 403, host);
  }
  assertEquals(await statusOf("http://localhost/health", "local host"), 403);
});

Deno.test("a foreign page cannot make models work", async () => {
  const { handler, engine } = serverDouble();
  const response = await handler(
    post("/api/generate", { prompt: "Hi" }, { origin: "https://evil.example" }),
  );
  assertEquals(response.status, 403);
  await response.body?.cancel();
  assertEquals(engine.requests.length, 0);
  const own = await handler(
    post("/api/generate", { prompt: "Hi" }, { origin: "http://localhost:11435" }),
  );
  assertEquals(own.status, 200);
  await own.body?.cancel();
});

Deno.test("CORS is off unless origins are listed", async () => {
  const origin = "https://app.example";
  const { handler } = serverDouble();
  const closed = await handler(get("/health", { origin }));
  assertEquals(closed.headers.get("access-control-allow-origin"), null);
  await closed.body?.cancel();

  const listed = serverDouble({}, { corsOrigins: [origin] }).handler;
  const open = await listed(get("/health", { origin }));
  assertEquals(open.headers.get("access-control-allow-origin"), origin);
  assertEquals(open.headers.get("vary"), "Origin");
  await open.body?.cancel();
  const other = await listed(get("/health", { origin: "https://evil.example" }));
  assertEquals(other.headers.get("access-control-allow-origin"), null);
  await other.body?.cancel();

  const any = await serverDouble({}, { corsOrigins: ["*"] }).handler(get("/nope", { origin }));
  assertEquals(any.status, 404);
  assertEquals(any.headers.get("access-control-allow-origin"), "*");
  await any.body?.cancel();
});

Deno.test("a preflight is answered without a key", async () => {
  const origin = "https://app.example";
  const preflight = (from: string) =>
    new Request("http://localhost/api/generate", {
      method: "OPTIONS",
      headers: {
        origin: from,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type",
      },
    });
  const { handler } = serverDouble({}, { corsOrigins: [origin], apiKey: "secret" });
  const allowed = await handler(preflight(origin));
  assertEquals(allowed.status, 204);
  assertEquals(allowed.headers.get("access-control-allow-origin"), origin);
  assertEquals(allowed.headers.get("access-control-allow-methods"), "POST, OPTIONS");
  assertEquals(
    allowed.headers.get("access-control-allow-headers"),
    "authorization, content-type",
  );
  const refused = await handler(preflight("https://evil.example"));
  assertEquals(refused.status, 403);
  await refused.body?.cancel();
});

Deno.test("a body over the limit is 413, announced or not", async () => {
  const { handler } = serverDouble({}, { maxBodyBytes: 100 });
  const large = JSON.stringify({ prompt: "x".repeat(200) });
  const announced = await handler(post("/api/generate", large, { "content-length": "212" }));
  assertEquals(announced.status, 413);
  assertEquals(await announced.json(), {
    error: "Request body is larger than 100 bytes, the limit of this server (--max-body)",
  });
  const chunked = await handler(post("/api/generate", large));
  assertEquals(chunked.status, 413);
  await chunked.body?.cancel();
});

Deno.test("bodies that together exceed eight times the limit are 503 until others have come", async () => {
  const { handler } = serverDouble({}, { maxBodyBytes: 100 });
  const ends: (() => void)[] = [];
  const send = () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("x".repeat(100)));
        ends.push(() => controller.close());
      },
    });
    return handler(new Request("http://127.0.0.1/api/generate", { method: "POST", body }));
  };
  const held = Array.from({ length: 8 }, send);
  const refused = await send();
  assertEquals([refused.status, refused.headers.get("retry-after")], [503, "1"]);
  assertEquals(await refused.json(), {
    error: "The bodies of all requests have more than 800 bytes, the limit of this server " +
      "(eight times --max-body); try again later",
  });
  for (const end of ends.slice(0, 8)) end();
  for (const response of await Promise.all(held)) {
    assertEquals(response.status, 400);
    await response.body?.cancel();
  }
  const later = send();
  ends.at(-1)!();
  assertEquals((await later).status, 400);
  await (await later).body?.cancel();
});

Deno.test("a body over the limit is 413 in the shape of each dialect", async () => {
  const message = "Request body is larger than 100 bytes, the limit of this server (--max-body)";
  const type = "invalid_request_error";
  const shapes: Readonly<Record<string, unknown>> = {
    "/api/generate": { error: message },
    "/api/chat": { error: message },
    "/v1/embeddings": { error: { message, type, param: null, code: null } },
    "/v1/messages": { type: "error", error: { type: "request_too_large", message } },
    "/completion": { error: { code: 413, message, type } },
  };
  const { handler } = fullServer({ settings: { maxBodyBytes: 100 } });
  for (const [path, shape] of Object.entries(shapes)) {
    const response = await handler(post(path, JSON.stringify({ prompt: "x".repeat(200) })));
    assertEquals([path, response.status], [path, 413]);
    const { request_id: _, ...body } = await response.json();
    assertEquals(body, shape);
  }
});

Deno.test("a model that cannot load is 502 without its path", async () => {
  const detail = "/home/someone/models/tiny.gguf";
  const broken = new ShimmyError("backend", "Model 'tiny' cannot be loaded: truncated", { detail });
  const seen: string[] = [];
  const handler = createHandler({
    pool: new PoolDouble({ entry: entryDouble("tiny"), engine: broken }),
    settings: SETTINGS,
    report: (error) => seen.push(error.detail ?? ""),
  });
  const response = await handler(post("/api/generate", { prompt: "Hi" }));
  assertEquals(response.status, 502);
  assertEquals(await response.json(), { error: "Model 'tiny' cannot be loaded: truncated" });
  assertEquals(seen, [detail]);
});

Deno.test("a fault of our own is 502 and keeps its message to itself", async () => {
  const failing = new PoolDouble();
  failing.list = () => Promise.reject(new TypeError("secret path /srv"));
  const seen: unknown[] = [];
  const handler = createHandler({
    pool: failing,
    settings: SETTINGS,
    report: (error) => seen.push(error.cause),
  });
  const response = await handler(get("/api/models"));
  assertEquals(response.status, 502);
  assertEquals(await response.json(), { error: "Internal error" });
  assertEquals(String(seen[0]), "TypeError: secret path /srv");
});

const busy: readonly (readonly [ShimmyError, number, string])[] = [
  [new ShimmyError("overloaded", "The queue is full", { retryAfter: 2.2 }), 503, "3"],
  [new ShimmyError("overloaded", "The queue is full"), 503, "1"],
  [new HttpError(429, "Too many requests", { retryAfter: 7 }), 429, "7"],
];

for (const [error, status, retryAfter] of busy) {
  Deno.test(`${status} tells to ask again after ${retryAfter} s`, async () => {
    await using engine = new EngineDouble({ script: { tokens: [], error } });
    const pool = new PoolDouble({ entry: entryDouble("tiny"), engine });
    const handler = createHandler({ pool, settings: SETTINGS });
    const response = await handler(post("/api/generate", { prompt: "Hi", stream: true }));
    assertEquals(response.status, status);
    assertEquals(response.headers.get("retry-after"), retryAfter);
    assertEquals(await response.json(), { error: error.message });
  });
}

Deno.test("a server that shuts down refuses new requests and stays healthy", async () => {
  const stopping = new AbortController();
  const handler = createHandler({
    pool: new PoolDouble(),
    settings: SETTINGS,
    stopping: stopping.signal,
  });
  const statusOf = async (path: string) => {
    const response = await handler(get(path));
    await response.body?.cancel();
    return [response.status, response.headers.has("retry-after")];
  };
  assertEquals(await statusOf("/api/models"), [200, false]);
  stopping.abort();
  assertEquals(await statusOf("/api/models"), [503, true]);
  assertEquals(await statusOf("/health"), [200, false]);
});

Deno.test("a compressed body is refused by name", async () => {
  const { handler } = serverDouble();
  const response = await handler(post("/api/generate", { prompt: "Hi" }, {
    "content-encoding": "gzip",
  }));
  assertEquals([response.status, (await response.json()).error], [
    415,
    "content-encoding: must be identity, not 'gzip': compressed bodies are not read",
  ]);
  assertEquals(response.headers.get("accept-encoding"), "identity");
  const plain = await handler(post("/api/generate", { prompt: "Hi" }, {
    "content-encoding": "Identity",
  }));
  assertEquals(plain.status, 200);
  await plain.body?.cancel();
});

Deno.test("a field with a name of many characters is named by its beginning", async () => {
  const { handler } = serverDouble({}, { maxBodyBytes: 10_000_000 });
  const response = await handler(post("/api/generate", { prompt: "Hi", ["x".repeat(5e6)]: 1 }));
  const { error } = await response.json();
  assertEquals([response.status, error], [400, `${"x".repeat(200)}...: is not a known field`]);
});
