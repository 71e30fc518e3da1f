import { assertEquals, assertRejects } from "@std/assert";
import { iterateEvents } from "./event_queue.ts";
import type { Sink } from "./sink.ts";

/** A source that a test feeds, with its controls. */
function source() {
  const controls: string[] = [];
  const sinks: Sink<number>[] = [];
  const running = iterateEvents<number, { control(control: { type: string }): void }>((sink) => {
    sinks.push(sink);
    return { control: ({ type }) => void controls.push(type) };
  });
  return { controls, sink: sinks[0]!, running };
}

Deno.test("all events come before the error that ended them", async () => {
  const { sink, running } = source();
  const seen: number[] = [];
  sink.event(1);
  sink.event(2);
  sink.end(new Error("broken"));
  await assertRejects(
    async () => {
      for await (const event of running) seen.push(event);
    },
    Error,
    "broken",
  );
  assertEquals(seen, [1, 2]);
});

Deno.test("a reader that lags holds the source until it has caught up", async () => {
  const { sink, running, controls } = source();
  for (let event = 0; event < 300; event++) sink.event(event);
  assertEquals(controls, ["hold"]);
  sink.end();
  let seen = 0;
  for await (const _ of running) seen++;
  assertEquals([seen, ...controls], [300, "hold", "release"]);
});

Deno.test("leaving while no event comes cancels at once", async () => {
  const { sink, running, controls } = source();
  const iterator = running[Symbol.asyncIterator]();
  const pending = iterator.next();
  const left = iterator.return!();
  assertEquals(controls, ["cancel"]);
  sink.end();
  assertEquals((await pending).done, true);
  await left;
});
