import { assertEquals } from "@std/assert";
import { serverEvents, valuesOf } from "./streams.ts";

/** A response whose body comes in the given parts. */
function streamed(parts: readonly string[]): Response {
  const encoder = new TextEncoder();
  return new Response(ReadableStream.from(parts.map((part) => encoder.encode(part))));
}

Deno.test("values of NDJSON are cut at lines, wherever the parts end", async () => {
  const response = streamed(['{"a":', '1}\n{"a":2}', "\n\n", '{"a":"ü\\n"}']);
  const values: unknown[] = [];
  for await (const value of valuesOf(response)) values.push(value);
  assertEquals(values, [{ a: 1 }, { a: 2 }, { a: "ü\n" }]);
});

Deno.test("events have their names, ids and data of several lines", async () => {
  const response = streamed([
    ": comment\n\nid: 4\nda",
    "ta: one\r\ndata:two\n\nevent: end\ndata: x\n\n",
  ]);
  const events: unknown[] = [];
  for await (const event of serverEvents(response)) events.push(event);
  assertEquals(events, [
    { event: "message", id: "4", data: "one\ntwo" },
    { event: "end", id: "4", data: "x" },
  ]);
});

Deno.test("data may have the line separators of Unicode", async () => {
  const data = JSON.stringify({ text: "a\u2028b\u2029c\u0085d" });
  const events: unknown[] = [];
  for await (const event of serverEvents(streamed([`data: ${data}\n\n`]))) events.push(event.data);
  assertEquals(events, [data]);
});

Deno.test("characters may be cut anywhere", async () => {
  const bytes = new TextEncoder().encode('{"a":"ü€😀"}\n');
  const response = new Response(
    ReadableStream.from(Array.from(bytes, (byte) => Uint8Array.of(byte))),
  );
  const values: unknown[] = [];
  for await (const value of valuesOf(response)) values.push(value);
  assertEquals(values, [{ a: "ü€😀" }]);
});

Deno.test("leaving the loop cancels the body", async () => {
  const cancelled = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("1\n")),
    cancel: () => cancelled.resolve(),
  });
  for await (const value of valuesOf(new Response(body))) {
    assertEquals(value, 1);
    break;
  }
  await cancelled.promise;
});
