import { assertEquals } from "@std/assert";
import { growthOf } from "./growth.ts";

const growth = (values: number[], allowance = 5) =>
  growthOf({ name: "x", values, allowance }).isUnbounded;

/** So many values of a function of their place, and noise of at most `noise`. */
function series(count: number, at: (index: number) => number, noise = 0): number[] {
  return Array.from({ length: count }, (_, index) => at(index) + noise * Math.sin(index * 2.3));
}

Deno.test("a value that goes on growing is unbounded", () => {
  assertEquals(growth(series(12, (index) => 100 + 10 * index, 8)), true);
  assertEquals(growth(series(60, (index) => 100 + index, 8)), true);
});

Deno.test("a value that varies, or grows at first, is bounded", () => {
  assertEquals(growth(series(30, () => 100, 20)), false);
  assertEquals(growth(series(30, (index) => 100 + 100 * Math.min(1, index / 8), 8)), false);
});

Deno.test("a single peak is no growth", () => {
  assertEquals(growth([...series(20, () => 100), 900]), false);
});

Deno.test("growth within the allowance, or a tenth, is noise", () => {
  assertEquals(growth(series(12, (index) => 10 + index / 2), 8), false);
  assertEquals(growth(series(12, (index) => 1000 + 10 * index), 5), false);
});

Deno.test("a few measurements show nothing", () => {
  assertEquals(growth([]), false);
  assertEquals(growth([1, 100]), false);
});
