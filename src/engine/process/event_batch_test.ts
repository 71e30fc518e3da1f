import { assertEquals } from "@std/assert";
import type { SequenceEvent } from "../protocol/mod.ts";
import { EventBatch } from "./event_batch.ts";

const TOKEN: SequenceEvent = { type: "token", text: "a", token: 1 };
const ERROR: SequenceEvent = { type: "error", error: { kind: "backend", message: "x" } };

/** The times at which messages are sent, with their numbers of events, for steps of `ms` each. */
function messages(interval: number, ms: number, steps: number): string[] {
  const batch = new EventBatch(interval);
  const sent: string[] = [];
  for (let step = 0; step < steps; step++) {
    batch.add(1, TOKEN);
    const now = step * ms;
    const events = batch.take(now, now + ms);
    if (events !== null) sent.push(`${now}:${events.length}`);
  }
  return sent;
}

Deno.test("fast tokens share messages, at most one in an interval", () => {
  assertEquals(messages(16, 4, 12), ["0:1", "16:4", "32:4"]);
});

Deno.test("tokens that are a little faster than the interval wait for one more", () => {
  assertEquals(messages(16, 9, 5), ["0:1", "18:2", "36:2"]);
  assertEquals(messages(16, 15, 5), ["0:1", "30:2", "60:2"]);
});

Deno.test("tokens that are slower than the interval are sent at once", () => {
  for (const ms of [16, 17, 40]) {
    assertEquals(
      messages(16, ms, 3),
      [0, ms, 2 * ms].map((at) => `${at}:1`),
    );
  }
});

Deno.test("with the interval 0 each step has its message", () => {
  assertEquals(messages(0, 1, 4), ["0:1", "1:1", "2:1", "3:1"]);
});

Deno.test("the first token and the end of each sequence are sent at once, with what waited", () => {
  const batch = new EventBatch(16);
  const types = (now: number, ...add: (readonly [number, SequenceEvent])[]) => {
    for (const [id, event] of add) batch.add(id, event);
    return batch.take(now, now + 1)?.map(({ id, event }) => `${id} ${event.type}`) ?? null;
  };
  assertEquals(types(0, [1, TOKEN]), ["1 token"]);
  assertEquals(types(1, [1, TOKEN]), null);
  assertEquals(types(2, [1, TOKEN], [2, TOKEN]), ["1 token", "1 token", "2 token"]);
  assertEquals(types(3, [1, TOKEN]), null);
  assertEquals(types(4, [2, ERROR]), ["1 token", "2 error"]);
  // The same id again is another sequence.
  assertEquals(types(5, [2, TOKEN]), ["2 token"]);
});

Deno.test("waiting tokens are sent before a step of unknown length", () => {
  const batch = new EventBatch(16);
  batch.add(1, TOKEN);
  batch.take(0, 1);
  batch.add(1, TOKEN);
  assertEquals(batch.take(1, 2), null);
  assertEquals(batch.take(1, Infinity)?.length, 1);
  assertEquals(batch.take(2, Infinity), null);
});
