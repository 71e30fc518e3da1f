import { assertEquals, assertLessOrEqual, assertStringIncludes } from "@std/assert";
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
