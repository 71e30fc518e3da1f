import { assertEquals, assertRejects } from "@std/assert";
import { Slots } from "./slots.ts";

Deno.test("work beyond the slots waits in its order, also after a failure", async () => {
  const slots = new Slots(2);
  const started: number[] = [];
  const ends = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
  const runs = ends.map(({ promise }, id) =>
    slots.use(() => {
      started.push(id);
      return promise;
    })
  );
  assertEquals(started, [0, 1]);
  ends[1]!.reject(new Error("broken"));
  await assertRejects(() => runs[1]!, Error, "broken");
  await Promise.resolve();
  assertEquals(started, [0, 1, 2]);
  ends[0]!.resolve();
  await runs[0];
  await Promise.resolve();
  assertEquals(started, [0, 1, 2, 3]);
  for (const { resolve } of ends) resolve();
  await Promise.all([runs[2], runs[3]]);
});
