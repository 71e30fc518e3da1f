import { assertEquals } from "@std/assert";
import { Shares } from "./shares.ts";

Deno.test("the owner with the most is the largest, until it has given up enough", () => {
  const shares = new Shares<string | null>();
  assertEquals([shares.largest, shares.total], [undefined, 0]);
  shares.add("a", 2);
  shares.add(null, 5);
  shares.add("b", 2);
  assertEquals([shares.largest, shares.total], [null, 9]);
  shares.add(null, -4);
  assertEquals([shares.largest, shares.total], ["a", 5]);
  shares.add("a", -2);
  shares.add("b", -2);
  shares.add(null, -1);
  assertEquals([shares.largest, shares.total], [undefined, 0]);
});
