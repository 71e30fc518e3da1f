import { assertEquals } from "@std/assert";
import { microBatches, SimulatedBatch } from "./micro_batches.ts";

const rows = (...parts: readonly (readonly [stream: number, count: number, before?: number])[]) =>
  parts.map(([stream, count, before = 0]) => ({ stream, count, before }));

Deno.test("streams with consecutive ids are computed together, up to the shortest", () => {
  assertEquals(microBatches(rows([0, 1, 100], [1, 1, 300]), 256), [
    { streams: 2, rows: 1, context: 200 },
  ]);
  assertEquals(microBatches(rows([1, 30], [2, 80]), 256), [
    { streams: 2, rows: 30, context: 0 },
    { streams: 1, rows: 50, context: 30 },
  ]);
});

Deno.test("a gap in the ids separates the streams behind it", () => {
  assertEquals(microBatches(rows([0, 1, 10], [2, 1, 20], [3, 1, 40]), 256), [
    { streams: 1, rows: 1, context: 10 },
    { streams: 2, rows: 1, context: 30 },
  ]);
  // A stream that is complete leaves a gap too.
  assertEquals(microBatches(rows([0, 8], [1, 4], [2, 8]), 256), [
    { streams: 3, rows: 4, context: 0 },
    { streams: 1, rows: 4, context: 4 },
    { streams: 1, rows: 4, context: 4 },
  ]);
});

Deno.test("a micro-batch has at most so many rows", () => {
  assertEquals(microBatches(rows([0, 600, 8]), 256), [
    { streams: 1, rows: 256, context: 8 },
    { streams: 1, rows: 256, context: 264 },
    { streams: 1, rows: 88, context: 520 },
  ]);
  assertEquals(microBatches(rows([0, 5], [1, 5], [2, 5]), 8).map((one) => one.rows), [2, 2, 1]);
});

Deno.test("a batch keeps the rows of each stream and their place", () => {
  const batch = new SimulatedBatch(8);
  assertEquals([0, 1, 2].map((at) => batch.add(7, 40 + at, 1)), [0, 1, 2]);
  assertEquals(batch.add(7, 5, 2), 3);
  assertEquals(batch.rows, rows([1, 3, 40], [2, 1, 5]));
  assertEquals([batch.length, batch.room], [4, 4]);
  batch.clear();
  assertEquals([batch.length, batch.rows.length], [0, 0]);
});
