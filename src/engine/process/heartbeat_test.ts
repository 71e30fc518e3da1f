import { assertEquals } from "@std/assert";
import { HEARTBEAT, HeartbeatMonitor } from "./heartbeat.ts";

const bytes = (...values: number[]) => new Uint8Array(values);

/** A monitor with a clock that the test sets, after the first heartbeat. */
function watched() {
  const state = { now: 0, lost: 0 };
  const monitor = new HeartbeatMonitor(() => state.lost++, () => state.now);
  monitor.filter(bytes(HEARTBEAT));
  /** Checks each second until a time. */
  const runTo = (end: number) => {
    for (state.now += 1_000; state.now <= end; state.now += 1_000) monitor.check();
    state.now = end;
  };
  return { state, monitor, runTo, [Symbol.dispose]: () => monitor[Symbol.dispose]() };
}

Deno.test("heartbeats are not part of the output", () => {
  using monitor = new HeartbeatMonitor(() => {});
  assertEquals(monitor.filter(bytes(65, HEARTBEAT, 66)), bytes(65, 66));
  assertEquals(monitor.filter(bytes(65, 66)), bytes(65, 66));
});

Deno.test("a silent process first counts as not responding, then as lost", () => {
  using watch = watched();
  const { state, monitor, runTo } = watch;
  runTo(3_000);
  assertEquals(monitor.isResponding, true);
  runTo(5_000);
  assertEquals(monitor.isResponding, false);
  monitor.filter(bytes(HEARTBEAT));
  assertEquals(monitor.isResponding, true);
  runTo(19_000);
  assertEquals(state.lost, 0);
  runTo(40_000);
  assertEquals(state.lost, 1);
});

Deno.test("a process is not lost because the machine slept", () => {
  using watch = watched();
  const { state, monitor } = watch;
  state.now = 3_600_000;
  monitor.check();
  assertEquals(state.lost, 0);
  assertEquals(monitor.isResponding, true);
});

Deno.test("a process has a minute for its first heartbeat", () => {
  const state = { now: 0, lost: 0 };
  using monitor = new HeartbeatMonitor(() => state.lost++, () => state.now);
  for (; state.now < 59_000; state.now += 1_000) monitor.check();
  assertEquals([monitor.isResponding, state.lost], [true, 0]);
  for (; state.now < 70_000; state.now += 1_000) monitor.check();
  assertEquals(state.lost, 1);
});
