import { assertEquals, assertRejects } from "@std/assert";
import {
  eventStream,
  ndjsonStream,
  observeStream,
  type ResponseStream,
  type ServerSentEvent,
} from "./streams.ts";

function sent(...events: ServerSentEvent[]): ResponseStream<ServerSentEvent> {
  const stream = eventStream();
  for (const event of events) stream.event(event);
  stream.end();
  return stream;
}

/** Counts of what an observer was told. */
function observed({ response }: ResponseStream<ServerSentEvent>, mostUnreadMs = 60_000) {
  const told = { cancelled: 0, ended: 0, expired: 0, held: [] as boolean[] };
  observeStream(response, {
    mostUnreadMs,
    expired: () => told.expired++,
    cancelled: () => told.cancelled++,
    held: (isHeld) => told.held.push(isHeld),
    ended: () => told.ended++,
  });
  return told;
}

const decode = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
const tick = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("events carry their names and every line of their data", async () => {
  const { response } = sent(
    { event: "error", data: "x" },
    { data: "" },
    { data: "a\r\nb\rc\nd\n" },
  );
  assertEquals(response.headers.get("cache-control"), "no-cache");
  assertEquals(
    await response.text(),
    "event: error\ndata: x\n\ndata: \n\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \n\n",
  );
});

Deno.test("each value is one line of JSON", async () => {
  const stream = ndjsonStream();
  for (const value of [{ text: "a\nb" }, [1]]) stream.event(value);
  stream.end();
  assertEquals(await stream.response.text(), '{"text":"a\\nb"}\n[1]\n');
});

Deno.test("the events up to a flush are sent in one write", async () => {
  const stream = eventStream();
  const reader = stream.response.body!.getReader();
  const first = reader.read();
  await tick();
  stream.event({ data: "a" });
  stream.event({ data: "b" });
  stream.flush();
  assertEquals(decode((await first).value), "data: a\n\ndata: b\n\n");
  // The client does not read: the next writes are sent together.
  for (const data of ["c", "d"]) {
    stream.event({ data });
    stream.flush();
  }
  assertEquals(decode((await reader.read()).value), "data: c\n\ndata: d\n\n");
  stream.end();
  assertEquals((await reader.read()).done, true);
});

Deno.test("a client that does not read holds the source until it reads", async () => {
  const stream = eventStream();
  const told = observed(stream);
  const write = () => {
    stream.event({ data: "x".repeat(50_000) });
    stream.flush();
  };
  write();
  assertEquals(told.held, []);
  write();
  write();
  assertEquals(told.held, [true]);
  const reader = stream.response.body!.getReader();
  assertEquals((await reader.read()).value!.length > 150_000, true);
  assertEquals(told.held, [true, false]);
  await reader.cancel();
});

Deno.test("a client that does not read for too long is treated as one that has left", async () => {
  const held = eventStream();
  const told = observed(held, 1);
  held.event({ data: "x".repeat(100_000) });
  held.flush();
  while (told.expired === 0) await tick();
  assertEquals([told.cancelled, told.ended], [1, 0]);
  held.end();
  assertEquals(told, { cancelled: 1, ended: 1, expired: 1, held: [true] });
  await assertRejects(() => held.response.text(), Error, "did not read");
});

Deno.test("the rest of a response that has ended is not kept for ever either", async () => {
  const ended = sent({ data: "x" });
  const told = observed(ended, 1);
  while (told.expired === 0) await tick();
  assertEquals([told.cancelled, told.ended], [1, 1]);
});

Deno.test("a client that reads in time gets its whole response", async () => {
  const stream = eventStream();
  const told = observed(stream, 20_000);
  stream.event({ data: "x".repeat(100_000) });
  stream.flush();
  stream.end();
  assertEquals((await stream.response.text()).length, 100_008);
  assertEquals([told.cancelled, told.ended, told.expired], [0, 1, 0]);
});

Deno.test("an observer learns that its source is held", async () => {
  const stream = eventStream();
  stream.event({ data: "x".repeat(100_000) });
  stream.flush();
  assertEquals(observed(stream).held, [true]);
  await stream.response.body!.cancel();
});

Deno.test("a disconnect is reported at once, the end when the source has ended", async () => {
  const stream = eventStream();
  const told = observed(stream);
  const reader = stream.response.body!.getReader();
  const read = reader.read();
  await tick();
  await reader.cancel();
  assertEquals((await read).done, true);
  assertEquals([told.cancelled, told.ended], [1, 0]);
  stream.event({ data: "late" });
  stream.flush();
  stream.end();
  assertEquals([told.cancelled, told.ended], [1, 1]);
});

Deno.test("a stream ends when its last text was read, and was not cancelled then", async () => {
  const stream = sent({ data: "x" });
  const told = observed(stream);
  assertEquals(told.ended, 0);
  await stream.response.text();
  assertEquals([told.cancelled, told.ended], [0, 1]);
  assertEquals(
    observeStream(Response.json({}), {
      mostUnreadMs: 0,
      expired() {},
      cancelled() {},
      held() {},
      ended() {},
    }),
    false,
  );
});

Deno.test("a stream without text ends before it is read", () => {
  assertEquals(observed(sent()).ended, 1);
});

Deno.test("a failure after a disconnect is ignored", async () => {
  const stream = eventStream({ keepAliveMs: 1 });
  const reader = stream.response.body!.getReader();
  assertEquals(decode((await reader.read()).value), ": keep-alive\n\n");
  await reader.cancel();
  stream.end(new Error("too late to matter"));
});

Deno.test("an unhandled failure breaks the stream", async () => {
  const stream = eventStream();
  stream.end(new Error("broken"));
  await assertRejects(() => stream.response.text(), Error, "broken");
});
