/** What a client of a WebSocket must not be able to do to the memory and to the places of a server. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { SETTINGS, until } from "../../../../tests/doubles/context.ts";
import { EngineDouble, type EngineDoubleOptions } from "../../../../tests/doubles/engine.ts";
import { KeysDouble } from "../../../../tests/doubles/keys.ts";
import { Client, listen } from "../../../../tests/doubles/listening.ts";
import { entryDouble, PoolDouble } from "../../../../tests/doubles/pool.ts";
import { Session, type Socket } from "./socket_session.ts";

/** A socket without a network. */
class SocketDouble implements Socket {
  readonly readyState = WebSocket.OPEN;
  bufferedAmount = 0;
  readonly frames: string[] = [];
  readonly closes: number[] = [];

  send(frame: string | ArrayBufferLike | Blob | ArrayBufferView): void {
    this.frames.push(String(frame));
  }

  close(code = 1000): void {
    this.closes.push(code);
  }
}

const endless: EngineDoubleOptions = {
  script: { tokens: ["x"], endless: true },
  beforeToken: () => new Promise<void>((resolve) => setTimeout(resolve, 1)),
};

function connect(
  options: EngineDoubleOptions = endless,
  settings: Partial<typeof SETTINGS> = {},
) {
  const engine = new EngineDouble(options);
  const pool = new PoolDouble({ entry: entryDouble("tiny"), engine });
  const socket = new SocketDouble();
  const sender = { requestId: "r", client: "c", key: null, keyId: null };
  const session = new Session(socket, { pool, settings: { ...SETTINGS, ...settings } }, sender);
  return { engine, socket, send: (value: unknown) => session.receive(JSON.stringify(value)) };
}

Deno.test("a client that sends frames and reads none is disconnected, and its answer ends", async () => {
  const { engine, socket, send } = connect();
  send({ prompt: "Hi" });
  await until(() => engine.running === 1);
  socket.bufferedAmount = 5 * 1024 * 1024;
  send({ temperature: "hot" });
  assertEquals(socket.closes, [1008]);
  await until(() => engine.finished.length === 1);
  assertEquals(engine.finished, ["cancelled"]);
  const { length } = socket.frames;
  for (let count = 0; count < 100; count++) send("no request");
  assertEquals(socket.frames.length, length);
});

Deno.test("a client that reads nothing for too long is disconnected, and its answer ends", async () => {
  const { engine, socket, send } = connect(endless, { mostHeldMs: 1 });
  socket.bufferedAmount = 1024 * 1024;
  send({ prompt: "Hi" });
  await until(() => engine.finished.length === 1);
  assertEquals([engine.finished, socket.closes], [["cancelled"], [1008]]);
});

Deno.test("at most 64 controls wait until the answer begins", async () => {
  const { engine, socket, send } = connect();
  send({ prompt: "Hi" });
  for (let count = 0; count < 70; count++) send({ temperature: 0.5 });
  assertEquals(socket.frames.filter((frame) => frame.includes("error")), [
    ...Array(6).fill('{"error":"At most 64 controls can wait until the answer begins"}'),
  ]);
  await until(() => engine.controls.length === 64);
  send({ stop: true });
  await until(() => engine.running === 0);
});

Deno.test("controls without end are refused, and the answer goes on", async () => {
  const { engine, socket, send } = connect();
  send({ prompt: "Hi" });
  await until(() => engine.running === 1);
  for (let count = 0; count < 1_000; count++) send({ temperature: 0.5 });
  await until(() => socket.frames.some((frame) => frame.includes("error")));
  assertStringIncludes(socket.frames.find((frame) => frame.includes("error"))!, "At most 50");
  assertEquals([engine.controls.length < 500, engine.running], [true, 1]);
  // A stop is never too much.
  send({ stop: true });
  await until(() => engine.running === 0);
});

Deno.test("detached answers over WebSockets take the places of all detached answers", async () => {
  await using server = listen(endless);
  await using client = await new Client(server.port).open();
  const request = { prompt: "Hi", stream_format: "json", detach: true };
  const ids: string[] = [];
  for (let count = 0; count < 48; count++) {
    await using other = await new Client(server.port).open();
    other.send(request);
    ids.push(JSON.parse(await other.next()).answer);
  }
  client.send(request);
  assertStringIncludes(await client.next(), "At most 48 detached answers of a client");
  const stop = async (id: string) => {
    const path = `http://127.0.0.1/api/generate/${id}/control`;
    await server.handler(new Request(path, { method: "POST", body: '{"stop": true}' }));
  };
  await Promise.all(ids.map(stop));
  await until(() => server.engine.running === 0);
  client.send(request);
  const { token, answer } = JSON.parse(await client.next());
  assertEquals(token, "x");
  await stop(answer);
  await until(() => server.engine.running === 0);
});

Deno.test("a socket that was opened with a key that is revoked since gets no answer", async () => {
  await using keys = await KeysDouble.create();
  await using server = listen(endless, {}, { keyring: keys.keyring });
  const { token, claims } = await keys.issue();
  await using client = await new Client(server.port, { "x-api-key": token }).open();
  await keys.revoke(claims.id);
  client.send({ prompt: "Hi" });
  assertEquals(await client.next(), '{"error":"The API key was revoked"}');
});

Deno.test("the running answer of a revoked key ends", async () => {
  await using keys = await KeysDouble.create();
  await using server = listen(endless, {}, { keyring: keys.keyring });
  const { token, claims } = await keys.issue();
  await using client = await new Client(server.port, { "x-api-key": token }).open();
  client.send({ prompt: "Hi" });
  await client.next();
  await keys.revoke(claims.id);
  assertEquals((await client.answer()).at(-1), '{"error":"The API key was revoked"}');
  client.send({ prompt: "Hi" });
  assertEquals(await client.next(), '{"error":"The API key was revoked"}');
});
