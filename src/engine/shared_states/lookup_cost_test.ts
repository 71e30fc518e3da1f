import { assert, assertEquals } from "@std/assert";
import { LookupCost } from "./lookup_cost.ts";

Deno.test("a request waits no longer than computing its prompt, and not for a short one", () => {
  const cost = new LookupCost();
  assertEquals(cost.patience(1_000, 1), 1_000);
  assertEquals(cost.patience(64, 0.1), 0);
  assertEquals(cost.patience(1_000_000, 1), 10_000);
  assertEquals(cost.patience(100, 0), 10_000);
});

Deno.test("slow lookups are left out, but not for ever", () => {
  const cost = new LookupCost();
  for (let count = 0; count < 20; count++) cost.record(1_000);
  assertEquals(cost.patience(1_000, 1), 0);
  let left = 0;
  while (cost.patience(1_000, 1) === 0) left++;
  assert(left > 5 && left < 100, `${left}`);
});
