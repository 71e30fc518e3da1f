import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { Watchdog } from "./watchdog.ts";

/** How often deadlines expire within more than 30 milliseconds. */
async function expiries(use: (watchdog: Watchdog) => void): Promise<number> {
  let count = 0;
  using watchdog = new Watchdog(() => count++);
  use(watchdog);
  // Timers of one thread fire in the order of their times.
  await delay(60);
  return count;
}

Deno.test("a deadline expires once, unless it was cleared", async () => {
  assertEquals(await expiries((watchdog) => watchdog.set(10)), 1);
  assertEquals(
    await expiries((watchdog) => {
      watchdog.set(10);
      watchdog.clear();
    }),
    0,
  );
});

Deno.test("the last deadline counts, whether it is earlier or later", async () => {
  const earlier = await expiries((watchdog) => {
    watchdog.set(60_000);
    watchdog.set(10);
  });
  const later = await expiries((watchdog) => {
    watchdog.set(10);
    watchdog.set(60_000);
  });
  const again = await expiries((watchdog) => {
    watchdog.set(10);
    watchdog.clear();
    watchdog.set(20);
  });
  assertEquals([earlier, later, again], [1, 0, 1]);
});
