import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HttpError } from "../../../http/mod.ts";
import { ControlRate } from "./control_rate.ts";

Deno.test("more controls than 200 at once are refused, and 50 a second go on", () => {
  let now = 0;
  const rate = new ControlRate(() => now);
  for (let count = 0; count < 200; count++) rate.take();
  const error = assertThrows(() => rate.take(), HttpError, "At most 50 controls");
  assertEquals([error.status, error.retryAfter], [429, 1]);
  now = 1_000;
  for (let count = 0; count < 50; count++) rate.take();
  assertThrows(() => rate.take(), HttpError);
  now = 3_600_000;
  rate.take(200);
  assertThrows(() => rate.take(), HttpError);
  rate.giveBack();
  rate.take();
  assertThrows(() => rate.take(), HttpError);
});

Deno.test("at most 64 changes wait at a time, also after one that failed", async () => {
  const rate = new ControlRate();
  const { promise, resolve } = Promise.withResolvers<number>();
  const waiting = Array.from({ length: 64 }, () => rate.edit(() => promise));
  await assertRejects(() => rate.edit(() => promise), HttpError, "At most 64 changes");
  resolve(5);
  assertEquals(await Promise.all(waiting), Array(64).fill(5));
  await assertRejects(() => rate.edit(() => Promise.reject(new TypeError("no"))), TypeError, "no");
  assertEquals(await rate.edit(() => Promise.resolve(1)), 1);
});
