import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { FetchQueue } from "./fetch_queue.ts";

/** A queue, with the names of the work that has begun. */
function setUp(atOnce: number, limit = 100) {
  const queue = new FetchQueue(atOnce, limit);
  const begun: string[] = [];
  const use = (client: string | undefined, name: string, signal = new AbortController().signal) => {
    const end = Promise.withResolvers<void>();
    const work = () => {
      begun.push(name);
      return end.promise;
    };
    return { ended: queue.use({ client, signal }, work), end };
  };
  return { queue, begun, use };
}

/** Lets the promises that are settled go on. */
const settled = () => new Promise<void>((resolve) => setTimeout(resolve));

Deno.test("work beyond the places waits in its order, also after a failure", async () => {
  const { begun, use } = setUp(2);
  const runs = ["0", "1", "2", "3"].map((name) => use("a", name));
  await settled();
  assertEquals(begun, ["0", "1"]);
  runs[1]!.end.reject(new Error("broken"));
  await assertRejects(() => runs[1]!.ended, Error, "broken");
  await settled();
  assertEquals(begun, ["0", "1", "2"]);
  for (const { end } of runs) end.resolve();
  await Promise.all([runs[0]!.ended, runs[2]!.ended, runs[3]!.ended]);
  assertEquals(begun, ["0", "1", "2", "3"]);
});

Deno.test("the client with the least running work is next", async () => {
  const { begun, use } = setUp(2);
  const runs = [
    use("a", "a0"),
    use("a", "a1"),
    use("a", "a2"),
    use("a", "a3"),
    use("b", "b0"),
    use(undefined, "unknown"),
  ];
  await settled();
  for (const [index, name] of [[0, "b0"], [1, "a2"], [4, "unknown"]] as const) {
    runs[index]!.end.resolve();
    await settled();
    assertEquals(begun.at(-1), name);
  }
  for (const { end } of runs) end.resolve();
  await Promise.all(runs.map(({ ended }) => ended));
});

Deno.test("work that is not needed any more leaves the queue, and does not begin", async () => {
  const { begun, use, queue } = setUp(1, 2);
  const controller = new AbortController();
  const running = use("a", "running");
  const left = use("b", "left", controller.signal);
  const last = use("b", "last");
  await settled();
  assertThrows(() => queue.checkRoom("c", 1), ShimmyError);
  controller.abort();
  const error = await assertRejects(() => left.ended, ShimmyError);
  assertEquals(error.kind, "cancelled");
  queue.checkRoom("c", 1);
  await assertRejects(() => use("b", "late", controller.signal).ended, ShimmyError);
  running.end.resolve();
  last.end.resolve();
  await Promise.all([running.ended, last.ended]);
  assertEquals(begun, ["running", "last"]);
});

Deno.test("the queue has a limit for all clients, and one for each", async () => {
  const { queue, use } = setUp(2, 4);
  const refusal = (client: string | undefined, count: number) =>
    assertThrows(() => queue.checkRoom(client, count), ShimmyError);
  // Two run, and one client has three of the four places.
  queue.checkRoom("a", 5);
  const { kind, retryAfter, message } = refusal("a", 6);
  assertEquals([kind, retryAfter], ["overloaded", 1]);
  assertEquals(message, "Too many images at URLs: at most 3 of one client can wait to be fetched");
  const runs = [0, 1, 2, 3, 4].map((id) => use("a", String(id)));
  await settled();
  refusal("a", 1);
  queue.checkRoom("b", 1);
  queue.checkRoom(undefined, 1);
  assertEquals(
    refusal("b", 2).message,
    "Too many images at URLs: at most 4 can wait to be fetched",
  );
  for (const { end } of runs) end.resolve();
  await Promise.all(runs.map(({ ended }) => ended));
  queue.checkRoom("a", 5);
});
