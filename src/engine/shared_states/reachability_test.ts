import { assertEquals } from "@std/assert";
import { Reachability } from "./reachability.ts";

Deno.test("a failure is told once, and each later one makes the wait longer", () => {
  let now = 0;
  const store = new Reachability(() => now);
  assertEquals([store.isReachable, store.mayAsk], [true, true]);
  assertEquals(store.failed(), true);
  // Another request of the same time.
  assertEquals([store.failed(), store.mayAsk], [false, false]);
  now = 1_000;
  assertEquals([store.isReachable, store.mayAsk], [false, true]);
  assertEquals(store.failed(), false);
  now = 2_999;
  assertEquals(store.mayAsk, false);
  now = 3_000;
  assertEquals([store.mayAsk, store.succeeded(), store.succeeded()], [true, true, false]);
  assertEquals([store.isReachable, store.failed()], [true, true]);
});

Deno.test("a store that stays away is asked again after half a minute", () => {
  let now = 0;
  const store = new Reachability(() => now);
  for (let count = 0; count < 20; count++) {
    store.failed();
    now += 30_000;
    assertEquals(store.mayAsk, true);
  }
});
