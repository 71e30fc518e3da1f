import { assertEquals, assertRejects } from "@std/assert";
import { eventStream, ndjsonStream, type ServerSentEvent, watchStream } from "./streams.ts";

async function* events(...all: ServerSentEvent[]): AsyncGenerator<ServerSentEvent, void> {
  yield* all;
}

Deno.test("events are framed with their names and every line of their data", async () => {
  const response = eventStream(events(
    { event: "error", data: "x" },
    { data: "" },
    { data: "a\r\nb\rc\nd\n" },
  ));
  assertEquals(response.headers.get("cache-control"), "no-cache");
  assertEquals(
    await response.text(),
    "event: error\ndata: x\n\ndata: \n\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \n\n",
  );
});

Deno.test("values are one line of JSON each", async () => {
  async function* values() {
    yield { text: "a\nb" };
    yield [1];
  }
  assertEquals(await ndjsonStream(values()).text(), '{"text":"a\\nb"}\n[1]\n');
});

Deno.test("who leaves is told of at once, though the next value has not come", async () => {
  const gate = Promise.withResolvers<void>();
  let cleaned = false;
  async function* slow() {
    try {
      await gate.promise;
      yield { data: "late" };
    } finally {
      cleaned = true;
    }
  }
  const response = eventStream(slow());
  let told = 0;
  let ended = 0;
  watchStream(response, { abandoned: () => told++, ended: () => ended++ });
  const reader = response.body!.getReader();
  const read = reader.read();
  await new Promise((resolve) => setTimeout(resolve, 0));
  await reader.cancel();
  assertEquals((await read).done, true);
  assertEquals([told, ended, cleaned], [1, 0, false]);
  gate.resolve();
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals([told, ended, cleaned], [1, 1, true]);
});

Deno.test("a stream that was read to its end has ended, and nobody has abandoned it", async () => {
  const response = eventStream(events({ data: "x" }));
  let told = 0;
  let ended = 0;
  assertEquals(watchStream(response, { abandoned: () => told++, ended: () => ended++ }), true);
  await response.text();
  assertEquals([told, ended], [0, 1]);
  assertEquals(watchStream(Response.json({}), { abandoned() {}, ended() {} }), false);
});

Deno.test("a failure after the client has left harms nobody", async () => {
  const gate = Promise.withResolvers<void>();
  // deno-lint-ignore require-yield
  async function* failing(): AsyncGenerator<ServerSentEvent, void> {
    await gate.promise;
    throw new Error("too late to matter");
  }
  const response = eventStream(failing(), { keepAliveMs: 1 });
  const reader = response.body!.getReader();
  assertEquals(new TextDecoder().decode((await reader.read()).value), ": keep-alive\n\n");
  await reader.cancel();
  gate.resolve();
  await new Promise((resolve) => setTimeout(resolve, 5));
});

Deno.test("a failure nobody turned into an event breaks the stream", async () => {
  // deno-lint-ignore require-yield
  async function* failing(): AsyncGenerator<ServerSentEvent, void> {
    throw new Error("broken");
  }
  await assertRejects(() => eventStream(failing()).text(), Error, "broken");
});
