import { assertEquals } from "@std/assert";
import { EngineFlags } from "../native/mod.ts";
import { WorkWatch } from "./work_watch.ts";

/** A watch of flags with a clock that the test sets. */
function watched() {
  const flags = new EngineFlags();
  const state = { now: 0 };
  const watch = new WorkWatch(flags, () => state.now);
  /** Looks each second until a time. */
  const runTo = (seconds: number) => {
    let stuck = watch.stuckFor();
    while (state.now < seconds * 1000) {
      state.now += 1000;
      stuck = watch.stuckFor();
    }
    return stuck;
  };
  return { flags, state, watch, runTo };
}

Deno.test("work that exceeds its limit is stuck, until it ends", () => {
  const { flags, runTo } = watched();
  flags.beginWork(10);
  assertEquals(runTo(9), 0);
  assertEquals(runTo(10), 10);
  assertEquals(runTo(12), 12);
  flags.endWork();
  assertEquals(runTo(13), 0);
});

Deno.test("each piece of work has the time of its limit", () => {
  const { flags, runTo } = watched();
  for (let at = 9; at <= 90; at += 9) {
    flags.beginWork(10);
    assertEquals(runTo(at), 0);
  }
});

Deno.test("a message that is not received is stuck work", () => {
  const { flags, runTo } = watched();
  flags.beginWork(10);
  flags.endWork();
  assertEquals(runTo(100), 0);
  flags.announceMessage();
  assertEquals(runTo(105), 0);
  assertEquals(runTo(110), 10);
  flags.receiveMessage();
  assertEquals(runTo(111), 0);
});

Deno.test("without a limit, and without work, nothing is stuck", () => {
  const { flags, runTo } = watched();
  assertEquals(runTo(1000), 0);
  flags.beginWork(0);
  assertEquals(runTo(100_000), 0);
});

Deno.test("a process that was stopped has not used the time of its work", () => {
  const { flags, state, watch, runTo } = watched();
  flags.beginWork(10);
  assertEquals(runTo(5), 0);
  state.now += 3_600_000;
  assertEquals(watch.stuckFor(), 0);
  assertEquals(runTo(3_600 + 5 + 4), 0);
  assertEquals(runTo(3_600 + 5 + 5), 10);
});
