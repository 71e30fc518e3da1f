import { assertEquals } from "@std/assert";
import type { Context } from "../../../ffi/mod.ts";
import { portableMemory } from "./portable_memory.ts";
import type { StateParts } from "./stream_state.ts";

const HEAD = [1, 2, 3, 4, 5, 6, 7, 8];
const number = (value: number) => [...new Uint8Array(new Uint32Array([value]).buffer)];
/** One cell with four bytes. */
const CELLS = [...number(1), 11, 12, 13, 14];
const WINDOW = [...number(1), 21, 22];

function part(streams: number, stream: number, cells: readonly number[]): number[] {
  const counts = Array.from({ length: streams }, (_, at) => at === stream ? cells : number(0));
  return [...number(streams), ...counts.flat()];
}

/** A memory with a sliding window and so many streams, which records what it restores. */
function memoryWith(streams: number, parts: StateParts | null) {
  const restored: { readonly from: string; readonly bytes: number[] }[] = [];
  const withRoom = (bytes: number[], room = 0) =>
    new Uint8Array([...bytes, ...Array(room).fill(0)]);
  const first = (id: number) => part(streams, id % streams, CELLS);
  const second = (id: number) => part(streams, id % streams, WINDOW);
  const context = {
    streams,
    stateBytes: (id: number, isPartial: boolean) =>
      HEAD.length + (isPartial ? 0 : first(id).length) + second(id).length,
    saveSequence: (id: number, room?: number) =>
      withRoom([...HEAD, ...first(id), ...second(id)], room),
    saveCheckpoint: (id: number, room?: number) => withRoom([...HEAD, ...second(id)], room),
    restoreSequence: (_id: number, bytes: Uint8Array) =>
      restored.push({ from: "state", bytes: [...bytes] }) > 0,
    restoreCheckpoint: (_id: number, bytes: Uint8Array) =>
      restored.push({ from: "checkpoint", bytes: [...bytes] }) > 0,
  };
  return { memory: portableMemory(context as unknown as Context, parts), restored };
}

Deno.test("states and checkpoints fit contexts with any number of streams", () => {
  for (const [from, to] of [[3, 1], [1, 3], [4, 2], [2, 2]] as const) {
    const { memory: source } = memoryWith(from, "windowed");
    const { memory, restored } = memoryWith(to, "windowed");
    const id = from - 1;
    assertEquals(source.saveSequence(id).length, source.stateBytes(id, false));
    assertEquals(memory.restoreSequence(0, source.saveSequence(id)), true);
    assertEquals(memory.restoreCheckpoint(0, source.saveCheckpoint(id)), true);
    const at = from === to ? id : 0;
    const window = part(to, at, WINDOW);
    assertEquals(restored, [
      { from: "state", bytes: [...HEAD, ...part(to, at, CELLS), ...window] },
      { from: "checkpoint", bytes: [...HEAD, ...window] },
    ]);
  }
});

Deno.test("a state that cannot be converted fits the same number of streams only", () => {
  const { memory: source } = memoryWith(2, null);
  const other = memoryWith(3, null);
  assertEquals(other.memory.restoreSequence(0, source.saveSequence(1)), false);
  assertEquals(other.memory.restoreCheckpoint(0, source.saveCheckpoint(1)), false);
  assertEquals(other.restored, []);
  assertEquals(source.restoreSequence(0, source.saveSequence(1)), true);
});

Deno.test("bytes that are no state of a sequence are refused", () => {
  const { memory, restored } = memoryWith(2, "attention");
  for (const length of [0, 5, 11]) {
    assertEquals(memory.restoreSequence(0, new Uint8Array(length)), false);
  }
  assertEquals(restored, []);
});
