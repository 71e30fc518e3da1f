import { assertEquals } from "@std/assert";
import { table } from "./format.ts";
import { printable, printableLines } from "./printable.ts";

Deno.test("control characters of a name are escaped", () => {
  assertEquals(printable("a\x1b[31mb\nc\td\u202ee\x9bf"), "a\\x1b[31mb\\nc\\td\\u202ee\\x9bf");
  assertEquals(printable("Ünïcode 言葉 🦙"), "Ünïcode 言葉 🦙");
});

Deno.test("text of several lines keeps its line feeds and tabs", () => {
  assertEquals(printableLines("a\n\tb\r\x07"), "a\n\tb\\r\\x07");
});

Deno.test("cells of a table are escaped and stay in their row", () => {
  assertEquals(table([["NAME", "N"], ["a\nb", 1]]), "NAME  N\na\\nb  1");
});
