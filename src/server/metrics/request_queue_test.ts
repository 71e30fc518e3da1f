import { assertEquals, assertStrictEquals } from "@std/assert";
import { EngineDouble } from "../../../tests/doubles/engine.ts";
import { withRequestDefaults } from "../../models/registry/sampling_defaults.ts";
import { queueHeaders, queueOf, RequestQueue } from "./request_queue.ts";

/** A queue of two at a time on a clock of the test's own. */
function setUp() {
  let now = 0;
  const queue = new RequestQueue(2, () => now);
  return { queue, pass: (ms: number) => now += ms };
}

Deno.test("a request that can start at once does not wait", () => {
  const { queue } = setUp();
  assertEquals([queue.add("a").place, queue.add("b").place], [null, null]);
  assertEquals(queue.status().running, 2);
});

Deno.test("places count from the next to begin, and move up when an answer ends", () => {
  const { queue, pass } = setUp();
  const first = queue.add("a");
  queue.add("b");
  assertEquals(queue.add("c").place?.position, 1);
  pass(10);
  assertEquals(queue.add("d").place?.position, 2);
  pass(5);
  assertEquals(
    queue.status().waiting.map(({ requestId, position, waitedMs }) => [
      requestId,
      position,
      waitedMs,
    ]),
    [["c", 1, 15], ["d", 2, 5]],
  );
  first.remove();
  first.remove();
  const { running, waiting } = queue.status();
  assertEquals([running, waiting.map(({ requestId }) => requestId)], [2, ["d"]]);
});

Deno.test("the estimate is how long answers took, shared among those that run at once", () => {
  const { queue, pass } = setUp();
  const first = queue.add("a");
  queue.add("b");
  pass(300);
  // None has ended: those that run are taken to need as long again as they have.
  assertEquals(queue.add("c").place, { position: 1, estimateMs: 150 });
  pass(700);
  first.remove();
  assertEquals(queue.status().estimateMs, 500);
  assertEquals(queue.add("d").place, { position: 1, estimateMs: 500 });
  assertEquals(queue.add("e").place, { position: 2, estimateMs: 1000 });
  assertEquals(queue.status().estimateMs, 1500);
});

Deno.test("one whose first event comes does not wait, whatever its place", () => {
  const { queue } = setUp();
  queue.add("a");
  queue.add("b");
  queue.add("c");
  queue.add("d").started();
  const { running, waiting } = queue.status();
  assertEquals([running, waiting.map(({ requestId }) => requestId)], [3, ["c"]]);
});

Deno.test("an engine has one queue, also where something stands before it", () => {
  const engine = new EngineDouble({ info: { parallel: 3 } });
  const wrapper = withRequestDefaults(engine, { chatTemplate: "{{ messages }}" });
  assertStrictEquals(queueOf(engine), queueOf(wrapper));
});

Deno.test("a queue goes on when the engine gets a context of another shape", () => {
  const engine = new EngineDouble({ info: { parallel: 2 } });
  const { info, closed } = engine;
  for (const id of ["a", "b", "c"]) queueOf(engine).add(id);
  assertEquals(queueOf(engine).status().waiting.length, 1);
  const { running, waiting } = queueOf({ info: { ...info, parallel: 3 }, closed }).status();
  assertEquals([running, waiting.length], [3, 0]);
});

Deno.test("headers report a queue position only for requests that waited", () => {
  assertEquals(queueHeaders(null), []);
  assertEquals(queueHeaders({ position: 2, estimateMs: 1500 }), [
    ["x-shimmy-queue-position", "2"],
    ["x-shimmy-queue-estimate-ms", "1500"],
  ]);
});
