import { assertEquals } from "@std/assert";
import { bytes, fields, parameters, table } from "./format.ts";

Deno.test("columns are as wide as their widest cell, and numbers are right-aligned", () => {
  assertEquals(
    table([["NAME", "N", "LAST"], ["a", 5, "x"], ["longer", 123, "yy"]]),
    ["NAME    N    LAST", "a         5  x", "longer  123  yy"].join("\n"),
  );
  assertEquals(fields([["a", "1"], ["bcd", "2"]]), "a:    1\nbcd:  2");
});

Deno.test("sizes have units", () => {
  assertEquals(bytes(1_667_712), "1.6 MiB");
  assertEquals(bytes(2048), "2 KiB");
  assertEquals(parameters(2_623_744), "2.6M");
  assertEquals(parameters(8_030_261_248), "8.0B");
  assertEquals(parameters(12), "12");
  assertEquals(parameters(null), "?");
});

Deno.test("a column is measured in terminal columns, not in characters", () => {
  assertEquals(
    table([["NAME", "N"], ["言葉", 5], ["abcd", 7]]),
    ["NAME  N", "言葉  5", "abcd  7"].join("\n"),
  );
});
