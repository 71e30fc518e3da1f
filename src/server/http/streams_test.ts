import { assertEquals, assertRejects } from "@std/assert";
import { eventStream, ndjsonStream, observeStream, type ServerSentEvent } from "./streams.ts";

async function* events(...all: ServerSentEvent[]): AsyncGenerator<ServerSentEvent, void> {
  yield* all;
}

Deno.test("events carry their names and every line of their data", async () => {
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

Deno.test("each value is one line of JSON", async () => {
  async function* values() {
    yield { text: "a\nb" };
    yield [1];
  }
  assertEquals(await ndjsonStream(values()).text(), '{"text":"a\\nb"}\n[1]\n');
});

Deno.test("a disconnect is reported at once, before the next value", async () => {
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
  observeStream(response, { cancelled: () => told++, ended: () => ended++ });
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

Deno.test("a stream that was read to its end was not cancelled", async () => {
  const response = eventStream(events({ data: "x" }));
  let told = 0;
  let ended = 0;
  assertEquals(observeStream(response, { cancelled: () => told++, ended: () => ended++ }), true);
  await response.text();
  assertEquals([told, ended], [0, 1]);
  assertEquals(observeStream(Response.json({}), { cancelled() {}, ended() {} }), false);
});

Deno.test("a failure after a disconnect is ignored", async () => {
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

Deno.test("an unhandled failure breaks the stream", async () => {
  // deno-lint-ignore require-yield
  async function* failing(): AsyncGenerator<ServerSentEvent, void> {
    throw new Error("broken");
  }
  await assertRejects(() => eventStream(failing()).text(), Error, "broken");
});
