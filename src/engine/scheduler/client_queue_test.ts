import { assertEquals, assertLess, assertLessOrEqual, assertStringIncludes } from "@std/assert";
import { LoopHarness } from "../../../tests/support/loop.ts";
import { ask, question } from "../../../tests/support/engine.ts";

const request = (client: string, index: number) =>
  ask(question(`Count from ${index} to 9.`), { client, maxTokens: 4 });

Deno.test("a client with many requests leaves places and turns to others", async () => {
  using loop = await LoopHarness.load({ parallel: 1 });
  // The queue has 16 places.
  const many = Array.from({ length: 16 }, (_, index) => loop.submit(request("many", index)));
  const few = loop.submit(request("few", 99));
  const refused = many.filter((id) => loop.reports[id]!.error !== null);
  assertEquals(refused.length, 4);
  assertStringIncludes(loop.reports[refused[0]!]!.error!.message, "no more places for this client");
  assertEquals(loop.reports[few]!.error, null);
  loop.run();
  const begin = (id: number) => loop.reports[id]!.at[0]!;
  const earlier = many.slice(0, 12).filter((id) => begin(id) < begin(few));
  assertLessOrEqual(earlier.length, 2);
});

Deno.test("tokens that an answer begins with give it no turn before others", async () => {
  using loop = await LoopHarness.load({ parallel: 1 });
  const running = loop.submit(request("many", 0));
  loop.run(() => loop.reports[running]!.tokens.length > 0);
  const begun = { tokens: loop.reports[running]!.tokens.slice(0, 1) };
  const few = loop.submit(request("few", 1));
  const many = [2, 3, 4].map((index) => loop.submit({ ...request("many", index), begun }));
  // A token that is inserted while the request waits is not sampled either.
  const edited = loop.submit(request("many", 5));
  loop.edit(edited, { tokens: begun.tokens });
  loop.run();
  const end = (id: number) => loop.reports[id]!.at.at(-1)!;
  for (const id of [...many, edited]) assertLess(end(few), end(id));
});

Deno.test("answers that nobody reads for a minute leave a full queue to others", async () => {
  const now = performance.now.bind(performance);
  using loop = await LoopHarness.load({ parallel: 1 });
  // The queue has 16 places.
  const paused = Array.from({ length: 16 }, (_, index) => {
    const id = loop.submit(request(index < 9 ? "one" : "two", index));
    loop.control(id, { type: "pause" });
    return id;
  });
  const errors = () => paused.map((id) => loop.reports[id]!.error?.kind);
  const late = loop.submit(request("late", 98));
  assertStringIncludes(loop.reports[late]!.error!.message, "The queue is full");
  assertEquals(errors(), paused.map(() => undefined));
  Object.defineProperty(performance, "now", { value: () => now() + 120_000, configurable: true });
  try {
    const later = loop.submit(request("late", 99));
    assertEquals(errors().filter((kind) => kind === "overloaded").length, 1);
    loop.run();
    assertEquals(loop.reports[later]!.error, null);
    assertEquals(loop.reports[later]!.done === null, false);
  } finally {
    Reflect.deleteProperty(performance, "now");
  }
});
