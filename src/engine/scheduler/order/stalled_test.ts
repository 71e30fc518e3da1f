import { assertEquals, assertStrictEquals } from "@std/assert";
import { STALLED_MS, stalledAmong } from "./stalled.ts";

Deno.test("the sequence that has been paused for longest is stalled", () => {
  const running = { pausedSince: Infinity };
  const [old, older] = [{ pausedSince: 20 }, { pausedSince: 10 }];
  assertStrictEquals(stalledAmong([running, old, older], 30 + STALLED_MS), older);
  assertStrictEquals(stalledAmong([running, old, older], 15 + STALLED_MS), older);
  assertEquals(stalledAmong([running, old, older], 10 + STALLED_MS), undefined);
  assertEquals(stalledAmong([running], Number.MAX_VALUE), undefined);
});
