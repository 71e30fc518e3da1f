import { assertEquals } from "@std/assert";
import { append } from "./append.ts";

Deno.test("a list gets more items than the stack holds", () => {
  const list = [1];
  append(list, Array(500_000).fill(2));
  assertEquals([list.length, list[0], list.at(-1)], [500_001, 1, 2]);
});
