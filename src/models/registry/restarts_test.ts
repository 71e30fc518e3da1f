import { assertEquals } from "@std/assert";
import { BackOff } from "./back_off.ts";
import type { Clock } from "./clock.ts";
import { Restarts } from "./restarts.ts";

Deno.test("a model is loaded after its back-off, also if the timer fires early", () => {
  const timers: { readonly at: number; readonly run: () => void }[] = [];
  let now = 0;
  const clock: Clock = {
    now: () => now,
    after(ms, run) {
      timers.push({ at: now + ms, run });
      return () => {};
    },
  };
  const backOff = new BackOff(clock.now);
  backOff.failed("m");
  backOff.failed("m");
  using restarts = new Restarts(clock, backOff, () => {});
  let loads = 0;
  restarts.add("m", () => {
    backOff.check("m", "m", "it has ended");
    loads++;
  });
  const early = timers.shift()!;
  now = early.at - 0.5;
  early.run();
  assertEquals(loads, 0);
  const next = timers.shift()!;
  now = next.at;
  next.run();
  assertEquals([loads, timers.length], [1, 0]);
});
