import { assertEquals } from "@std/assert";
import { addRange, bytesIn, gapsOf, type Range } from "./ranges.ts";

function ranges(...pairs: [number, number][]): Range[] {
  return pairs.map(([start, end]) => ({ start, end }));
}

Deno.test("touching and overlapping ranges are merged", () => {
  let all = addRange([], { start: 10, end: 20 });
  all = addRange(all, { start: 30, end: 40 });
  assertEquals(all, ranges([10, 20], [30, 40]));
  assertEquals(addRange(all, { start: 20, end: 30 }), ranges([10, 40]));
  assertEquals(addRange(all, { start: 0, end: 5 }), ranges([0, 5], [10, 20], [30, 40]));
  assertEquals(addRange(all, { start: 15, end: 35 }), ranges([10, 40]));
  assertEquals(addRange(all, { start: 25, end: 25 }), all);
  assertEquals(bytesIn(all), 20);
});

Deno.test("gaps are the parts of a file outside of all ranges", () => {
  assertEquals(gapsOf([], 10), ranges([0, 10]));
  assertEquals(gapsOf(ranges([0, 10]), 10), []);
  assertEquals(gapsOf(ranges([2, 4], [6, 8]), 10), ranges([0, 2], [4, 6], [8, 10]));
  assertEquals(gapsOf([], Infinity), ranges([0, Infinity]));
});
