import { assertEquals, assertGreater } from "@std/assert";
import { ReadCost } from "./read_cost.ts";

Deno.test("before anything is measured, a request waits for a read, but not for ever", () => {
  const cost = new ReadCost();
  assertEquals(cost.patience(1e9, 100, 0), 10_000);
  assertEquals(cost.patience(1e9, 100, 2), 200);
});

Deno.test("a read that takes longer than computing is left out, and tried again later", () => {
  const cost = new ReadCost();
  cost.record(1000, 1000);
  assertEquals(cost.patience(100, 100, 2), 200);
  assertEquals(cost.patience(1000, 100, 2), 0);
  let tries = 0;
  while (cost.patience(1000, 100, 2) === 0) tries++;
  assertGreater(tries, 10);
});
