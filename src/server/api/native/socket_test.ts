import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { get, serverDouble, until } from "../../../../tests/doubles/context.ts";
import type { EngineDoubleOptions } from "../../../../tests/doubles/engine.ts";
import { Client, listen } from "../../../../tests/doubles/listening.ts";
import { ShimmyError } from "../../../errors.ts";

const tick = () => new Promise<void>((resolve) => setTimeout(resolve, 1));

/** Generates `x` until a control ends the answer, one token per millisecond. */
const endless: EngineDoubleOptions = {
  script: { tokens: ["x"], endless: true },
  beforeToken: tick,
};

Deno.test("tokens are sent as text frames, and the end as a JSON frame", async () => {
  await using server = listen();
  await using client = await new Client(server.port).open();
  client.send({ prompt: "Hi" });
  const frames = await client.answer();
  assertEquals(frames.slice(0, 2), ["Hello", " world"]);
  const done = JSON.parse(frames[2]!);
  assertEquals([done.done, done.finish_reason, done.usage.completion_tokens], [true, "stop", 2]);
  assertEquals(done.timings.first_token_ms, 3);
});

Deno.test("with the format json, every frame is a unified event", async () => {
  await using server = listen();
  await using client = await new Client(server.port).open();
  client.send({ prompt: "Hi", stream_format: "json" });
  const frames = await client.answer();
  const { answer, ...first } = JSON.parse(frames[0]!);
  assertEquals(first, { token: "Hello", index: 0, id: 72 });
  assertEquals(frames[1], '{"token":" world","index":1,"id":32}');
  assertEquals(JSON.parse(frames[2]!).answer, answer);
});

/** Six letters; the answer waits before the fifth until `open` is called. */
function waiting() {
  const { promise, resolve } = Promise.withResolvers<void>();
  const engine: EngineDoubleOptions = {
    script: { tokens: ["a", "b", "c", "d", "e", "f"] },
    beforeToken: (index) => index < 4 ? undefined : promise,
  };
  return { engine, open: resolve };
}

Deno.test("a frame rewinds the answer, and a refused one leaves it as it is", async () => {
  const { engine, open } = waiting();
  await using server = listen(engine);
  await using client = await new Client(server.port).open();
  client.send({ prompt: "Hi", stream_format: "json" });
  for (let taken = 0; taken < 4; taken++) await client.next();
  client.send({ rewind: 9 });
  assertEquals(await client.next(), '{"error":"rewind: must be from 0 to 4, not 9"}');
  client.send({ rewind: 1, token: "X".codePointAt(0)! });
  assertEquals(await client.next(), '{"rewind":1}');
  assertEquals(await client.next(), '{"token":"X","index":1,"id":88,"inserted":true}');
  open();
  const frames = (await client.answer()).map((frame) => JSON.parse(frame));
  assertEquals(frames.map(({ token }) => token), ["c", "d", "e", "f", undefined]);
  client.send({ rewind: 1 });
  assertStringIncludes(await client.next(), "The answer has ended");
});

Deno.test("forks share the socket, which takes the next request when all have ended", async () => {
  const { engine, open } = waiting();
  await using server = listen(engine);
  await using client = await new Client(server.port).open();
  client.send({ prompt: "Hi", stream_format: "json" });
  const { answer: id } = JSON.parse(await client.next());
  for (let taken = 1; taken < 4; taken++) await client.next();
  client.send({ fork: 2 });
  const fork = `${id}-1`;
  assertEquals(JSON.parse(await client.next()), { forked: 2, answers: [fork] });
  client.send({ answer: fork, rewind: 2, insert: "Z" });
  const seen: Record<string, unknown>[] = [];
  const read = async () => void seen.push(JSON.parse(await client.next()));
  while (!seen.some(({ token }) => token === "Z")) await read();
  open();
  while (seen.filter(({ done }) => done).length < 2) await read();
  const text = seen.filter(({ answer, inserted, token }) => answer === fork && token && !inserted);
  assertEquals(text.slice(-3).map(({ token }) => token), ["d", "e", "f"]);
  client.send({ prompt: "Hi", stream_format: "json" });
  assertEquals(JSON.parse(await client.next()).token, "a");
});

Deno.test("a socket of texts tells of rewinds and forks by frames of JSON", async () => {
  const { engine, open } = waiting();
  await using server = listen(engine);
  await using client = await new Client(server.port).open();
  client.send({ prompt: "Hi" });
  const texts: string[] = [];
  while (texts.length < 4) texts.push(await client.next());
  assertEquals(texts, ["a", "b", "c", "d"]);
  client.send({ rewind: 1, insert: "X" });
  assertEquals(JSON.parse(await client.next()), { rewind: 1, text: "a" });
  assertEquals(await client.next(), "X");
  client.send({ fork: 2 });
  const forked = JSON.parse(await client.next());
  const [fork] = forked.answers;
  assertEquals(forked, { forked: 2, answers: [fork], text: "aX" });
  open();
  const frames: string[] = [];
  const ends = () => frames.filter((frame) => frame.startsWith('{"done"')).length;
  while (ends() < 2) frames.push(await client.next());
  const plain = frames.filter((frame) => !frame.startsWith("{"));
  assertEquals(plain.join(""), "cdef");
  const ofFork = frames.filter((frame) => frame.startsWith('{"token"'))
    .map((frame) => JSON.parse(frame));
  assertEquals(ofFork.map(({ token, index, answer }) => [token, index, answer]), [
    ["c", 2, fork],
    ["d", 3, fork],
    ["e", 4, fork],
    ["f", 5, fork],
  ]);
});

Deno.test("a detached answer goes on when the socket closes", async () => {
  const { engine, open } = waiting();
  await using server = listen(engine);
  const client = await new Client(server.port).open();
  client.send({ prompt: "Hi", stream_format: "json", detach: true });
  const { answer: id } = JSON.parse(await client.next());
  await client[Symbol.asyncDispose]();
  open();
  await until(() => server.engine.finished.length === 1);
  assertEquals(server.engine.finished, ["stop"]);
  const path = `/api/generate/${id}/stream?from=4`;
  const response = await server.handler(get(path, { accept: "application/x-ndjson" }));
  const tokens = (await response.text()).trimEnd().split("\n").map((line) =>
    JSON.parse(line).token
  );
  assertEquals(tokens, ["e", "f", undefined]);
});

Deno.test("detached answers of sockets count for their limit until they end", async () => {
  const { engine, open } = waiting();
  await using server = listen(engine);
  const request = { prompt: "Hi", stream_format: "json", detach: true };
  for (let answer = 0; answer < 48; answer++) {
    await using client = await new Client(server.port).open();
    client.send(request);
    await client.next();
  }
  await using client = await new Client(server.port).open();
  client.send(request);
  assertStringIncludes(await client.next(), "At most 48 detached answers of a client");
  open();
  await until(() => server.engine.finished.length === 48);
  client.send(request);
  assertEquals(JSON.parse(await client.next()).token, "a");
});

Deno.test("the socket accepts the next request after done", async () => {
  await using server = listen();
  await using client = await new Client(server.port).open();
  for (const max_tokens of [1, 2]) {
    client.send({ prompt: "Hi", max_tokens });
    assertEquals((await client.answer()).length, max_tokens + 1);
  }
  assertEquals(server.engine.requests.length, 2);
});

Deno.test("a stop frame ends the answer", async () => {
  await using server = listen(endless);
  await using client = await new Client(server.port).open();
  client.send({ prompt: "Hi" });
  await client.next();
  client.send({ stop: true });
  const done = JSON.parse((await client.answer()).at(-1)!);
  assertEquals([done.done, done.finish_reason], [true, "stop"]);
  assertEquals(server.engine.finished, ["stop"]);
});

Deno.test("null fields of requests and controls count as absent", async () => {
  await using server = listen(endless);
  await using client = await new Client(server.port).open();
  const message = { role: "user", content: "Hi", name: null, tool_calls: null };
  client.send({ prompt: null, messages: [message], top_p: null });
  await client.next();
  const nulls = { prompt: null, pause: null, phase: null, temperature: null, colour: null };
  client.send({ stop: true, ...nulls });
  const done = JSON.parse((await client.answer()).at(-1)!);
  assertEquals([done.done, done.finish_reason], [true, "stop"]);
  client.send({ stop: true, pause: null });
  client.send({ prompt: "Hi", temprature: 1 });
  assertEquals(
    await client.next(),
    '{"error":"temprature: is not a known field; did you mean temperature?"}',
  );
});

Deno.test("a stop frame that arrives after done is no error", async () => {
  await using server = listen();
  await using client = await new Client(server.port).open();
  client.send({ prompt: "Hi" });
  await client.answer();
  client.send({ stop: true });
  client.send({ prompt: "Hi" });
  assertEquals((await client.answer()).slice(0, 2), ["Hello", " world"]);
});

Deno.test("a frame changes sampling fields during generation", async () => {
  await using server = listen(endless);
  await using client = await new Client(server.port).open();
  client.send({ prompt: "Hi", temperature: 1 });
  await client.next();
  client.send({ temperature: 0.2, top_k: 5, stop: true });
  await client.answer();
  assertEquals(server.engine.controls, [
    { type: "sampling", sampling: { temperature: 0.2, topK: 5 } },
    { type: "stop" },
  ]);
});

Deno.test("a frame selects the phase that its sampling applies to", async () => {
  await using server = listen(endless);
  await using client = await new Client(server.port).open();
  client.send({ prompt: "Hi" });
  await client.next();
  client.send({ temperature: 0.2, phase: "answer" });
  await until(() => server.engine.controls.length === 1);
  client.send({ phase: "answer" });
  const error = (await client.answer()).at(-1)!;
  assertEquals(JSON.parse(error), { error: "phase: requires a sampling field" });
  client.send({ temperature: 0.2, phase: "before" });
  const unknown = (await client.answer()).at(-1)!;
  assertEquals(JSON.parse(unknown), { error: "phase: must be reasoning or answer" });
  client.send({ stop: true });
  await client.answer();
  assertEquals(server.engine.controls, [
    { type: "sampling", sampling: { temperature: 0.2 }, phase: "answer" },
    { type: "stop" },
  ]);
});

Deno.test("a paused answer continues after resume", async () => {
  await using server = listen(endless);
  await using client = await new Client(server.port).open();
  client.send({ prompt: "Hi" });
  await client.next();
  client.send({ pause: true });
  await until(() => server.engine.controls.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 10));
  const { completionTokens } = await server.engine.status();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals((await server.engine.status()).completionTokens, completionTokens);
  client.send({ resume: true });
  client.send({ stop: true });
  await client.answer();
  assertEquals(server.engine.controls.map(({ type }) => type), ["pause", "resume", "stop"]);
});

Deno.test("a second request during generation is refused and the first continues", async () => {
  await using server = listen(endless);
  await using client = await new Client(server.port).open();
  client.send({ prompt: "Hi" });
  await client.next();
  client.send({ prompt: "Me too" });
  assertStringIncludes((await client.answer()).at(-1)!, "A request is running");
  client.send({ stop: true });
  assertEquals(JSON.parse((await client.answer()).at(-1)!).finish_reason, "stop");
  assertEquals(server.engine.requests.length, 1);
});

const refused: readonly (readonly [unknown, string])[] = [
  ["{", "frame: must be JSON"],
  [{ prompt: "Hi", temperature: -1 }, "temperature: must be a number from 0 to 100"],
  [{ temperature: 0.5 }, "prompt: is required when there are no messages"],
  [{ prompt: "Hi", model: "huge" }, "Model 'huge' not found"],
  [[], "body: must be an object, not a list"],
];

for (const [frame, error] of refused) {
  Deno.test(`${JSON.stringify(frame)} is refused and the socket stays open`, async () => {
    await using server = listen();
    await using client = await new Client(server.port).open();
    client.send(frame);
    assertEquals(JSON.parse(await client.next()), { error });
    client.send({ prompt: "Hi" });
    assertEquals((await client.answer()).slice(0, 2), ["Hello", " world"]);
  });
}

Deno.test("an invalid control is refused and the answer continues", async () => {
  await using server = listen(endless);
  await using client = await new Client(server.port).open();
  client.send({ prompt: "Hi" });
  await client.next();
  client.send({ temperature: "hot" });
  const error = (await client.answer()).at(-1)!;
  assertEquals(JSON.parse(error), { error: "temperature: must be a number from 0 to 100" });
  client.send({ stop: true });
  assertEquals(JSON.parse((await client.answer()).at(-1)!).done, true);
});

Deno.test("a binary frame is refused", async () => {
  await using server = listen();
  await using client = await new Client(server.port).open();
  client.socket.send(new Uint8Array([1]));
  assertEquals(JSON.parse(await client.next()), { error: "frame: must be text, not binary" });
});

Deno.test("a frame over the limit is refused and the connection closes", async () => {
  await using server = listen({}, { maxBodyBytes: 100 });
  await using client = await new Client(server.port).open();
  client.send({ prompt: "x".repeat(200) });
  assertEquals(JSON.parse(await client.next()), {
    error: "frame: must be at most 100 bytes long, the limit of this server (--max-body)",
  });
  assertEquals((await client.closed).code, 1009);
});

Deno.test("an error during generation is sent and the socket stays open", async () => {
  let broken = true;
  const error = new ShimmyError("backend", "The device was lost");
  await using server = listen({
    script: () => broken ? { tokens: ["Hel"], error } : { tokens: ["fine"] },
  });
  await using client = await new Client(server.port).open();
  client.send({ prompt: "Hi" });
  assertEquals(await client.answer(), ["Hel", '{"error":"The device was lost"}']);
  broken = false;
  client.send({ prompt: "Hi" });
  assertEquals((await client.answer())[0], "fine");
});

Deno.test("a client that closes its socket cancels its answer", async () => {
  await using server = listen(endless);
  const client = await new Client(server.port).open();
  client.send({ prompt: "Hi" });
  await client.next();
  await client[Symbol.asyncDispose]();
  await until(() => server.engine.running === 0);
  assertEquals(server.engine.finished, ["cancelled"]);
});

Deno.test("a foreign page cannot open a socket, a listed one can", async () => {
  await using server = listen({}, { corsOrigins: ["https://app.example"], loopbackOnly: true });
  assertEquals(await shakeHands(server.port, "Origin: https://evil.example"), 403);
  assertEquals(await shakeHands(server.port, "Origin: null"), 403);
  assertEquals(await shakeHands(server.port, "Origin: https://app.example"), 101);
  assertEquals(await shakeHands(server.port, `Origin: http://127.0.0.1:${server.port}`), 101);
});

Deno.test("the handshake requires the API key", async () => {
  await using server = listen({}, { apiKey: "secret" });
  assertEquals(await shakeHands(server.port), 401);
  assertEquals(await shakeHands(server.port, "x-api-key: guess"), 401);
  assertEquals(await shakeHands(server.port, "Authorization: Bearer secret"), 101);
});

Deno.test("a GET without an upgrade is refused", async () => {
  const response = await serverDouble().handler(get("/ws/generate"));
  assertEquals(response.status, 426);
  assertEquals(response.headers.get("upgrade"), "websocket");
  await response.body?.cancel();
});

Deno.test("on shutdown, idle sockets close at once and others after their answer", async () => {
  const stopping = new AbortController();
  const gate = Promise.withResolvers<void>();
  await using server = listen(
    {
      beforeToken: (index) => index < 1 ? undefined : gate.promise,
    },
    {},
    { stopping: stopping.signal },
  );
  await using idle = await new Client(server.port).open();
  await using busy = await new Client(server.port).open();
  busy.send({ prompt: "Hi" });
  assertEquals(await busy.next(), "Hello");
  stopping.abort();
  assertEquals((await idle.closed).code, 1001);
  gate.resolve();
  assertEquals((await busy.answer())[0], " world");
  assertEquals((await busy.closed).code, 1001);
});

Deno.test("a client that does not read pauses its answer", async () => {
  let made = 0;
  await using server = listen({
    info: { contextLength: 1_000_000 },
    script: { tokens: ["x".repeat(512 * 1024)], endless: true },
    beforeToken: () => {
      made++;
      return tick();
    },
  });
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await connection.write(handshake(server.port));
  await connection.read(new Uint8Array(1024));
  await connection.write(textFrame('{"prompt":"Hi"}'));
  await until(() => made > 0);
  // The system's own buffers take some megabytes before anything is felt here.
  for (let before = 0; made !== before && made < 400;) {
    before = made;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert(made < 400, `${made} tokens of half a megabyte were made for a client that reads none`);
  connection.close();
  await until(() => server.engine.running === 0);
});

function handshake(port: number, ...headers: string[]): Uint8Array {
  const lines = [
    "GET /ws/generate HTTP/1.1",
    `Host: 127.0.0.1:${port}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ...headers,
  ];
  return new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
}

/** The status a handshake with these headers is answered with. */
async function shakeHands(port: number, ...headers: string[]): Promise<number> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(handshake(port, ...headers));
  const answer = new Uint8Array(1024);
  const length = await connection.read(answer) ?? 0;
  return Number(new TextDecoder().decode(answer.subarray(0, length)).split(" ")[1]);
}

/** A masked text frame with a mask of zeros (RFC 6455, 5.2), for texts below 126 bytes. */
function textFrame(text: string): Uint8Array {
  const payload = new TextEncoder().encode(text);
  return new Uint8Array([0x81, 0x80 | payload.length, 0, 0, 0, 0, ...payload]);
}
