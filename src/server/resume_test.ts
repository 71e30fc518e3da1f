/** Streams that are taken up again, and answers that go on without their client. */
import { assertEquals, assertLess } from "@std/assert";
import { until } from "../../tests/doubles/context.ts";
import type { EngineDoubleOptions } from "../../tests/doubles/engine.ts";
import { type Frame, FrameReader } from "../../tests/doubles/frames.ts";
import { KeysDouble } from "../../tests/doubles/keys.ts";
import { type ServerDouble, serverDouble } from "../../tests/doubles/server.ts";

const LETTERS = ["a", "b", "c", "d", "e", "f"];

/** An engine whose answers wait before the token with an index until `open` is called. */
function waiting(at: number): { readonly engine: EngineDoubleOptions; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const engine = {
    script: { tokens: LETTERS },
    beforeToken: (index: number) => index < at ? undefined : promise,
  };
  return { engine, open: resolve };
}

const NDJSON = { prompt: "Hi", stream_format: "ndjson" };
const MESSAGES = [{ role: "user", content: "Hi" }];

async function begin(server: ServerDouble, body: Frame = {}) {
  const response = await server.request("/api/generate", { ...NDJSON, ...body });
  const id = response.headers.get("x-shimmy-answer")!;
  return { id, frames: new FrameReader(response) };
}

function resume(
  server: ServerDouble,
  id: string,
  query = "",
  headers: Record<string, string> = {},
) {
  return server.send("GET", `/api/generate/${id}/stream${query}`, undefined, headers);
}

const LINES = { accept: "application/x-ndjson" };
const tokens = (frames: readonly Frame[]) =>
  frames.filter(({ token }) => token !== undefined).map(({ token, index }) => `${index}${token}`);

/** The ids and data of the events of a response. */
async function events(response: Response): Promise<(readonly [id: string, data: string])[]> {
  const text = await response.text();
  return text.split("\n\n").filter((event) => event !== "" && !event.startsWith(":")).map((event) =>
    [/^id: (.*)$/m.exec(event)?.[1] ?? "", /^data: (.*)$/m.exec(event)![1]!] as const
  );
}

Deno.test("a stream is taken up from a token, first what came and then what comes", async () => {
  const { engine, open } = waiting(4);
  const server = serverDouble({ engine });
  const { id, frames } = await begin(server);
  await frames.take(4);
  const again = new FrameReader(await resume(server, id, "?from=2", LINES));
  assertEquals(tokens(await again.take(2)), ["2c", "3d"]);
  open();
  const rest = await again.rest();
  assertEquals(tokens(rest), ["4e", "5f"]);
  assertEquals([rest.at(-1)!.done, rest.at(-1)!.answer], [true, id]);
  assertEquals(await frames.rest(), rest);
});

Deno.test("a stream that has ended is sent as the answer is, without what was rewound", async () => {
  const { engine, open } = waiting(4);
  const server = serverDouble({ engine });
  const { id, frames } = await begin(server);
  await frames.take(4);
  await server.send("POST", `/api/generate/${id}/control`, { rewind: 1, insert: "X" });
  open();
  await frames.rest();
  const again = new FrameReader(await resume(server, id, "", LINES));
  const all = await again.rest();
  assertEquals(tokens(all), ["0a", "1X", "2c", "3d", "4e", "5f"]);
  assertEquals(all.length, 7);
  const later = await events(await resume(server, id, "?from=5"));
  assertEquals(later.map(([, data]) => data.slice(0, 20)), [
    '{"token":"f","index"',
    '{"done":true,"finish',
    "[DONE]",
  ]);
});

Deno.test("all events after the last one that a client has are sent, with rewinds", async () => {
  const { engine, open } = waiting(4);
  const server = serverDouble({ engine });
  const { id, frames } = await begin(server);
  await frames.take(4);
  await server.send("POST", `/api/generate/${id}/control`, { rewind: 1 });
  open();
  await frames.rest();
  const after = await events(await resume(server, id, "", { "last-event-id": "4" }));
  assertEquals(after[0], ["5", '{"rewind":1}']);
  assertEquals(after.map(([number]) => number), ["5", "6", "7", "8", "9", "10", "11", ""]);
  const query = await events(await resume(server, id, "?last_event_id=4"));
  assertEquals(query, after);
});

Deno.test("a stream is taken up from a token that is not there yet", async () => {
  const { engine, open } = waiting(2);
  const server = serverDouble({ engine });
  const { id, frames } = await begin(server);
  await frames.take(2);
  const far = new FrameReader(await resume(server, id, "?from=4", LINES));
  const none = new FrameReader(await resume(server, id, "?from=99", LINES));
  open();
  assertEquals(tokens(await far.rest()), ["4e", "5f"]);
  const end = await none.rest();
  assertEquals([tokens(end), end.at(-1)!.done], [[], true]);
  await frames.rest();
});

Deno.test("after a rewind, a stream also has the tokens before the one it was taken up from", async () => {
  const { engine, open } = waiting(4);
  const server = serverDouble({ engine });
  const { id, frames } = await begin(server);
  await frames.take(4);
  const again = new FrameReader(await resume(server, id, "?from=3", LINES));
  assertEquals(tokens(await again.take(1)), ["3d"]);
  await server.send("POST", `/api/generate/${id}/control`, { rewind: 1 });
  open();
  const rest = await again.rest();
  assertEquals(rest[0], { rewind: 1 });
  assertEquals(tokens(rest)[0], "1b");
  await frames.rest();
});

Deno.test("a Last-Event-ID that the answer has not reached is refused", async () => {
  const { engine, open } = waiting(4);
  const server = serverDouble({ engine });
  const { id, frames } = await begin(server);
  await frames.take(4);
  const asked = () => resume(server, id, "", { "last-event-id": "999" });
  const running = await asked();
  assertEquals([running.status, await running.json()], [400, {
    error: "Last-Event-ID: must be at most 4, not 999",
  }]);
  open();
  await frames.rest();
  assertEquals((await asked()).status, 400);
});

Deno.test("an answer goes on without its client only if it is detached", async () => {
  for (const detach of [true, false]) {
    const { engine, open } = waiting(4);
    const server = serverDouble({ engine });
    const { id, frames } = await begin(server, { detach });
    await frames.take(4);
    await frames[Symbol.asyncDispose]();
    open();
    await until(() => server.engine.finished.length === 1);
    assertEquals(server.engine.finished, [detach ? "stop" : "cancelled"]);
    const again = new FrameReader(await resume(server, id, "", LINES));
    const all = await again.rest();
    assertEquals(tokens(all).length, detach ? 6 : 4);
    assertEquals(all.at(-1)!.finish_reason, detach ? "stop" : "cancelled");
  }
});

Deno.test("the model stays loaded until a detached answer has ended", async () => {
  const { engine, open } = waiting(4);
  const server = serverDouble({ engine });
  const { frames } = await begin(server, { detach: true });
  await frames.take(4);
  await frames[Symbol.asyncDispose]();
  assertEquals(server.pool.leases, 1);
  open();
  await until(() => server.pool.leases === 0);
});

Deno.test("the tokens of a detached answer count for its key", async () => {
  await using keys = await KeysDouble.create();
  const { engine, open } = waiting(4);
  const server = serverDouble({ engine, context: { keyring: keys.keyring } });
  const { token, claims } = await keys.issue({ tokens: { amount: 1000, seconds: 60 } });
  await keys.keyring.reload();
  const headers = { authorization: `Bearer ${token}` };
  const body = { ...NDJSON, detach: true };
  const frames = new FrameReader(await server.send("POST", "/api/generate", body, headers));
  await frames.take(4);
  await frames[Symbol.asyncDispose]();
  const left = () => keys.keyring.quotas(claims).tokens!.remaining;
  assertEquals(left(), 1000);
  open();
  await until(() => server.pool.leases === 0);
  assertLess(left(), 1000 - LETTERS.length);
});

Deno.test("a chat completion and a message that are detached are taken up by Last-Event-ID", async () => {
  for (
    const [path, body, pattern] of [
      ["/v1/chat/completions", { messages: MESSAGES }, /"id":"(chatcmpl-[^"]+)"/],
      ["/v1/messages", { model: "double", max_tokens: 20, messages: MESSAGES }, /"id":"(msg_\w+)"/],
    ] as const
  ) {
    const server = serverDouble({ engine: { script: { tokens: LETTERS } } });
    const response = await server.request(path, { ...body, stream: true, detach: true });
    const whole = await events(response);
    assertEquals(whole.map(([id]) => id), whole.map((_, index) => String(index + 1)));
    const [, id] = pattern.exec(whole[0]![1])!;
    assertEquals(await events(await resume(server, id!)), whole);
    const rest = await events(await resume(server, id!, "", { "last-event-id": "3" }));
    assertEquals(rest, whole.slice(3));
    assertEquals((await resume(server, id!, "?from=1")).status, 400);
    const plain = await server.request(path, { ...body, stream: true });
    const [, other] = pattern.exec(await plain.text())!;
    assertEquals((await resume(server, other!)).status, 404);
  }
});

Deno.test("detach needs a stream", async () => {
  const server = serverDouble();
  for (
    const [path, body] of [
      ["/api/generate", { prompt: "Hi" }],
      ["/v1/chat/completions", { messages: MESSAGES }],
      ["/v1/messages", { model: "double", max_tokens: 9, messages: MESSAGES }],
    ] as const
  ) {
    const response = await server.request(path, { ...body, detach: true });
    assertEquals([path, response.status], [path, 400]);
    await response.body?.cancel();
  }
});

Deno.test("the many answers of one key make the server forget none of another key", async () => {
  await using keys = await KeysDouble.create();
  const server = serverDouble({
    engine: { script: { tokens: ["a"] } },
    context: { keyring: keys.keyring },
  });
  const [one, other] = [await keys.issue(), await keys.issue()];
  const ask = async ({ token }: typeof one) => {
    const response = await server.send("POST", "/api/generate", NDJSON, { "x-api-key": token });
    await response.text();
    return response.headers.get("x-shimmy-answer")!;
  };
  const mine = await ask(one);
  for (let count = 0; count < 1_050; count++) await ask(other);
  const again = await resume(server, mine, "", { ...LINES, "x-api-key": one.token });
  assertEquals(again.status, 200);
  assertEquals(tokens(await new FrameReader(again).rest()), ["0a"]);
});
