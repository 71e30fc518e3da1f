/** Answers that go on without their client, under a name that it gave them. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { until } from "../../tests/doubles/context.ts";
import { KeysDouble } from "../../tests/doubles/keys.ts";
import { type ServerDouble, serverDouble } from "../../tests/doubles/server.ts";
import { ShimmyError } from "../errors.ts";

const TOKENS = ["a", "b", "c"];
const MESSAGES = [{ role: "user", content: "Hi" }];

/** The requests of streams of all dialects. */
const STREAMS = [
  ["/api/generate", { prompt: "Hi", stream_format: "json" }],
  ["/v1/chat/completions", { messages: MESSAGES }],
  ["/v1/messages", { model: "double", max_tokens: 9, messages: MESSAGES }],
] as const;

/** A server whose model loads, and whose answers go on, when they are let. */
function heldServer(failure?: ShimmyError) {
  const loading = Promise.withResolvers<void>();
  const answering = Promise.withResolvers<void>();
  const engine = { script: { tokens: TOKENS }, beforeToken: () => answering.promise };
  const server = serverDouble({ engine });
  const { pool } = server;
  const lease = pool.lease.bind(pool);
  let asked = 0;
  pool.lease = async (...of) => {
    asked++;
    await loading.promise;
    if (failure !== undefined) throw failure;
    return await lease(...of);
  };
  return { server, loading, answering, isAsked: () => asked > 0 };
}

const stream = (server: ServerDouble, name: string) =>
  server.send("GET", `/api/generate/${name}/stream`);

const stop = (server: ServerDouble, name: string) =>
  server.send("POST", `/api/generate/${name}/control`, { stop: true });

for (const [path, body] of STREAMS) {
  const request = { ...body, stream: true, detach: "mine" };

  Deno.test(`${path}: an answer is taken up by its name while its model is loaded`, async () => {
    const { server, loading, answering, isAsked } = heldServer();
    const client = new AbortController();
    const lost = server.request(path, request, { signal: client.signal });
    await until(isAsked);
    client.abort();
    const again = stream(server, "mine");
    loading.resolve();
    answering.resolve();
    const response = await again;
    assertEquals(response.status, 200);
    const text = await response.text();
    for (const token of TOKENS) assertStringIncludes(text, `"${token}"`);
    assertEquals(server.engine.finished, ["stop"]);
    await (await lost).body?.cancel();
    // Also for a time after its end.
    assertEquals(await (await stream(server, "mine")).text(), text);
  });

  Deno.test(`${path}: an answer is stopped by its name before its first token`, async () => {
    const { server, loading, answering, isAsked } = heldServer();
    const started = server.request(path, request);
    await until(isAsked);
    const stopped = stop(server, "mine");
    loading.resolve();
    assertEquals((await stopped).status, 200);
    answering.resolve();
    await (await started).text();
    assertEquals(server.engine.requests.length, 1);
    assertEquals((await stop(server, "mine")).status, 409);
  });

  Deno.test(`${path}: the name of an answer that runs is taken, and free when it has ended`, async () => {
    const { server, loading, answering } = heldServer();
    loading.resolve();
    const first = server.request(path, request);
    await until(() => server.engine.running === 1);
    const second = await server.request(path, request);
    assertEquals(second.status, 400);
    assertStringIncludes(await second.text(), "detach: 'mine' is the name of an answer that runs");
    answering.resolve();
    await (await first).text();
    const third = await server.request(path, request);
    assertEquals(third.status, 200);
    await third.text();
  });
}

Deno.test("who waits for a name whose request fails is told that there is no answer", async () => {
  const { server, loading, isAsked } = heldServer(
    new ShimmyError("backend", "It cannot be loaded"),
  );
  const request = server.request("/api/generate", {
    ...STREAMS[0][1],
    stream: true,
    detach: "mine",
  });
  await until(isAsked);
  const again = stream(server, "mine");
  loading.resolve();
  assertEquals([(await request).status, (await again).status], [502, 404]);
});

Deno.test("a name is at most 64 letters, digits and signs", async () => {
  const server = serverDouble();
  for (const detach of ["", "a b", "a/b", "ä", "x".repeat(65), 5]) {
    const response = await server.request("/api/generate", { ...STREAMS[0][1], detach });
    assertEquals([detach, response.status], [detach, 400]);
    assertStringIncludes(await response.text(), "a name of 1 to 64 letters");
  }
});

Deno.test("a name is known to requests with the same key only", async () => {
  await using keys = await KeysDouble.create();
  const [mine, other] = [await keys.issue(), await keys.issue()];
  const server = serverDouble({ context: { keyring: keys.keyring } });
  const send = (token: string, path: string, body?: unknown) =>
    server.send(body === undefined ? "GET" : "POST", path, body, {
      authorization: `Bearer ${token}`,
    });
  const body = { ...STREAMS[0][1], stream: true, detach: "name" };
  await (await send(mine.token, "/api/generate", body)).text();
  const path = "/api/generate/name/stream";
  assertEquals((await send(other.token, path)).status, 404);
  const own = await send(mine.token, path);
  assertStringIncludes(await own.text(), "Hello");
  // The other key may have an answer of the same name.
  const second = await send(other.token, "/api/generate", body);
  assertEquals([second.status, (await second.text()).includes("Hello")], [200, true]);
});
