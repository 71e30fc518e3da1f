/** Clients that disconnect from a real port: their requests are cancelled. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { until } from "../../tests/doubles/context.ts";
import type { EngineDoubleOptions } from "../../tests/doubles/engine.ts";
import { listen, type Listening } from "../../tests/doubles/listening.ts";
import { serverDouble } from "../../tests/doubles/server.ts";
import { RawClient } from "../../tests/support/raw_client.ts";
import { serveHttp } from "./http/serve.ts";

/** Bytes of bodies: within the 1 KiB that Deno reads first, beyond it, and of several reads. */
const SIZES = [100, 2_000, 30_000, 1_000_000];
const LARGEST = { maxBodyBytes: 2_000_000 };

/** Generates `x` without end, a token a millisecond. */
const ENDLESS: EngineDoubleOptions = {
  script: { tokens: ["x"], endless: true },
  beforeToken: () => delay(1),
  info: { contextLength: 1_000_000 },
};

/** Generates nothing until `open` is called, as during queueing and prefill. */
function gated(): EngineDoubleOptions & { readonly open: () => void } {
  const gate = Promise.withResolvers<void>();
  return { beforeToken: () => gate.promise, open: gate.resolve };
}

async function cancelled(server: Pick<Listening, "engine">): Promise<void> {
  await until(() => server.engine.controls.length > 0);
  assertEquals(server.engine.controls, [{ type: "cancel" }]);
}

for (const size of SIZES) {
  for (const split of [false, true]) {
    const how = `${size} bytes${split ? " in a separate segment" : ""}`;

    Deno.test(`a client that disconnects while its whole answer is made cancels it: ${how}`, async () => {
      await using server = listen(ENDLESS, LARGEST);
      using client = await RawClient.connect(server.port);
      await client.post({ path: "/api/generate", body: { prompt: "Hi" }, size, split });
      await until(() => server.engine.running === 1);
      client.close();
      await until(() => server.engine.running === 0);
      assertEquals(server.engine.finished, ["cancelled"]);
    });

    Deno.test(`a client that disconnects before the first token cancels its answer: ${how}`, async () => {
      for (const stream of [false, true]) {
        const engine = gated();
        await using server = listen(engine, LARGEST);
        using client = await RawClient.connect(server.port);
        await client.post({ path: "/api/generate", body: { prompt: "Hi", stream }, size, split });
        await until(() => server.engine.running === 1);
        client.close();
        await cancelled(server);
        engine.open();
        await until(() => server.engine.running === 0);
      }
    });

    Deno.test(`a client that disconnects in mid-stream cancels its answer: ${how}`, async () => {
      await using server = listen(ENDLESS, LARGEST);
      using client = await RawClient.connect(server.port);
      await client.post({
        path: "/api/generate",
        body: { prompt: "Hi", stream: true },
        size,
        split,
      });
      await client.readUntil(/data: x/);
      assertEquals(server.engine.running, 1);
      client.close();
      await until(() => server.engine.running === 0);
      assertEquals(server.engine.controls, [{ type: "cancel" }]);
    });
  }
}

const MESSAGES = [{ role: "user", content: "Hi" }];
const GENERATING: Readonly<Record<string, object>> = {
  "/api/generate": { prompt: "Hi" },
  "/v1/chat/completions": { messages: MESSAGES },
  "/v1/completions": { prompt: "Hi" },
  "/v1/responses": { input: "Hi" },
  "/v1/messages": { model: "double", max_tokens: 900_000, messages: MESSAGES },
  "/api/chat": { model: "double", messages: MESSAGES },
  "/ollama/api/generate": { model: "double", prompt: "Hi" },
};

/** Every dialect's routes on a port. */
function listenAll(options: Parameters<typeof serverDouble>[0]) {
  const double = serverDouble(options);
  const server = serveHttp({ hostname: "127.0.0.1", port: 0 }, double.handler);
  return {
    ...double,
    port: server.addr.port,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

for (const [path, body] of Object.entries(GENERATING)) {
  for (const stream of [false, true]) {
    Deno.test(`${path} cancels the answer of a client that disconnects, ${stream ? "" : "not "}streamed`, async () => {
      const engine = gated();
      await using server = listenAll({ engine });
      using client = await RawClient.connect(server.port);
      await client.post({ path, body: { ...body, stream }, size: 30_000, split: true });
      await until(() => server.engine.running === 1);
      client.close();
      await cancelled(server);
      engine.open();
      await until(() => server.engine.running === 0 && server.pool.leases === 0);
      assertEquals(server.engine.finished, ["cancelled"]);
    });
  }
}

for (
  const [path, body, kind] of [
    ["/v1/embeddings", { input: "a" }, "embedding"],
    ["/v1/rerank", { query: "a", documents: ["b"] }, "rerank"],
    ["/api/embed", { model: "double", input: "a" }, "embedding"],
    ["/api/embeddings", { model: "double", prompt: "a" }, "embedding"],
  ] as const
) {
  Deno.test(`${path} cancels the computation when the client disconnects`, async () => {
    const gate = Promise.withResolvers<void>();
    await using server = listenAll({
      engine: { beforeEmbedding: gate.promise },
      entry: { kind },
    });
    using client = await RawClient.connect(server.port);
    await client.post({ path, body, size: 30_000, split: true });
    await until(() => server.engine.embedSignals.length > 0);
    client.close();
    await until(() => server.engine.embedSignals[0]!.aborted);
    gate.resolve();
  });
}

Deno.test("a client that disconnects after earlier answers over its connection cancels the last", async () => {
  const script = (_: unknown, index: number) =>
    index < 2 ? { tokens: ["Hi"] } : { tokens: ["x"], endless: true };
  await using server = listen({ ...ENDLESS, script }, LARGEST);
  using client = await RawClient.connect(server.port);
  const sending = { path: "/api/generate", body: { prompt: "Hi" }, size: 300 };
  for (let index = 0; index < 2; index++) {
    await client.post(sending);
    await client.readUntil(/"done":true/);
  }
  await client.post({ ...sending, split: true });
  await until(() => server.engine.running === 1);
  client.close();
  await until(() => server.engine.running === 0);
  assertEquals(server.engine.finished, ["stop", "stop", "cancelled"]);
});

Deno.test("a client that does not read and disconnects cancels its answer", async () => {
  const long = { tokens: ["x".repeat(100_000)], endless: true };
  await using server = listen({ ...ENDLESS, script: long, info: { contextLength: 1e9 } }, LARGEST);
  using client = await RawClient.connect(server.port);
  const body = { prompt: "Hi", stream: true };
  await client.post({ path: "/api/generate", body, size: 2_000, split: true });
  await until(() => server.engine.running === 1);
  await delay(200);
  client.close();
  await until(() => server.engine.running === 0);
});

Deno.test("a client that stays connected gets its answer", async () => {
  const gate = Promise.withResolvers<void>();
  await using server = listen({
    beforeToken: (index) => index === 0 ? gate.promise : undefined,
  }, LARGEST);
  using client = await RawClient.connect(server.port);
  await client.post({ path: "/api/generate", body: { prompt: "Hi" }, size: 30_000, split: true });
  await until(() => server.engine.running === 1);
  // Several checks of the connection.
  await delay(300);
  assertEquals(server.engine.controls, []);
  gate.resolve();
  assertStringIncludes(await client.readUntil(/"done":true/), '"response":"Hello world"');
  assertEquals(server.engine.finished, ["stop"]);
});

Deno.test("a WebSocket client that disconnects without a close frame cancels its answer", async () => {
  await using server = listen(ENDLESS, LARGEST);
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await connection.write(new TextEncoder().encode(
    `GET /ws/generate HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nUpgrade: websocket\r\n` +
      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  ));
  await connection.read(new Uint8Array(4096));
  await connection.write(textFrame('{"prompt":"Hi"}'));
  await until(() => server.engine.running === 1);
  connection.close();
  await until(() => server.engine.running === 0);
  assertEquals(server.engine.finished, ["cancelled"]);
});

/** A client's text frame of at most 125 bytes, with a mask of zeros. */
function textFrame(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(text);
  return Uint8Array.from([0x81, 0x80 | bytes.length, 0, 0, 0, 0, ...bytes]);
}

Deno.test("a connection that drops while no token comes cancels its answer", async () => {
  const gate = Promise.withResolvers<void>();
  await using server = listen({ beforeToken: (index) => index < 1 ? undefined : gate.promise });
  using client = await RawClient.connect(server.port);
  await client.post({ path: "/api/generate", body: { prompt: "Hi", stream: true } });
  await client.read();
  client.close();
  await cancelled(server);
  gate.resolve();
  await until(() => server.engine.running === 0);
  assertEquals(server.engine.finished, ["cancelled"]);
});

Deno.test("an answer that was read to its end is not cancelled", async () => {
  await using server = listen();
  const response = await fetch(`http://127.0.0.1:${server.port}/api/generate`, {
    method: "POST",
    body: '{"prompt":"Hi","stream":true}',
  });
  assertEquals(await response.text(), "data: Hello\n\ndata:  world\n\ndata: [DONE]\n\n");
  assertEquals(server.engine.finished, ["stop"]);
  assertEquals(server.engine.controls, []);
});

Deno.test({
  name: "a client that reads nothing for too long is disconnected, and its model may be unloaded",
  // The bindings that end connections exist on Linux and macOS.
  ignore: Deno.build.os === "windows",
  async fn() {
    // More than the buffers of a connection hold.
    const script = { tokens: ["x".repeat(1 << 20)], endless: true };
    await using server = listen({ ...ENDLESS, script }, { mostHeldMs: 50 });
    using client = await RawClient.connect(server.port);
    await client.post({ path: "/api/generate", body: { prompt: "Hi", stream: true }, size: 100 });
    await until(() => server.engine.running === 1);
    await until(() => server.engine.running === 0);
    await until(() => server.pool.leases === 0);
    assertEquals(server.engine.finished, ["cancelled"]);
    // What was sent before is read to the end of the connection.
    await assertRejects(async () => {
      for (;;) await client.read();
    });
  },
});
