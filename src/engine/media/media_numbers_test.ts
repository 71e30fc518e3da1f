import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { MediaNumbers } from "./media_numbers.ts";

Deno.test("rows of different images have different numbers, those of one image always the same", () => {
  const numbers = new MediaNumbers();
  const a = numbers.first("a", 3);
  const b = numbers.first("b", 2);
  assertEquals([a, b, numbers.first("a", 3), numbers.first("c", 1)], [0, 3, 0, 5]);
});

Deno.test("no number is used twice when all are taken", () => {
  const numbers = new MediaNumbers();
  numbers.first("a", 2 ** 30 - 10);
  assertThrows(() => numbers.first("b", 100), ShimmyError, "too many images");
});
