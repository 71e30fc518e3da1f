import { assertEquals } from "@std/assert";
import type { Checkpoint } from "./checkpoints.ts";
import { HostStates, type SavedState } from "./host_states.ts";

const bytes = (length: number) => new Uint8Array(length);

const saved = (length: number, lastUsed: number): SavedState => ({
  ...{ state: bytes(length), tokens: [], scope: "", checkpoints: [], lastUsed },
});

const checkpoint = (length: number, lastUsed: number): Checkpoint => ({
  ...{ state: bytes(length), position: 10, lastUsed },
});

Deno.test("the least recently used state or checkpoint is dropped first", () => {
  const dropped: unknown[] = [];
  const states = new HostStates(100, (one) => dropped.push(one));
  const first = saved(40, 1);
  const second = checkpoint(40, 2);
  states.add(first);
  states.addCheckpoint(second);
  assertEquals([states.bytes, states.checkpoints], [80, 1]);
  states.add(saved(50, 3));
  assertEquals(dropped, [first]);
  states.addCheckpoint(checkpoint(20, 4));
  assertEquals(dropped, [first, second]);
  assertEquals([states.bytes, states.checkpoints], [70, 1]);
});

Deno.test("a removed state takes no memory and is not dropped", () => {
  const dropped: unknown[] = [];
  const states = new HostStates(100, (one) => dropped.push(one));
  const one = checkpoint(90, 1);
  states.addCheckpoint(one);
  assertEquals([states.remove(one), states.remove(one)], [true, false]);
  states.add(saved(100, 2));
  assertEquals([dropped.length, states.bytes], [0, 100]);
});

Deno.test("states larger than the limit and empty states are not kept", () => {
  const states = new HostStates(100, () => {});
  assertEquals([0, 1, 100, 101].map((size) => states.mayKeep(size)), [false, true, true, false]);
});
