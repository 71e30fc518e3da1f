import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Line, renderTerminal } from "./terminal_svg.ts";

const output = (text: string): Line => ({ kind: "output", text });

/** The text of each row of a picture. */
function rowsOf(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>(.*?)<\/text>/g)].map(([, row]) =>
    row!.replaceAll(/<[^>]*>/g, "")
  );
}

Deno.test("a picture shows commands with a prompt, and output without", () => {
  const svg = renderTerminal([{ kind: "command", text: "shimmy list" }, output("a")], "A list");
  assertEquals(rowsOf(svg), ["$ shimmy list", "a"]);
  assertStringIncludes(svg, 'aria-label="A list"');
  assertStringIncludes(svg, "prefers-color-scheme: dark");
});

Deno.test("text is escaped for XML", () => {
  assertEquals(rowsOf(renderTerminal([output('a<b & "c"\x1b')], "x")), [
    "a&lt;b &amp; &quot;c&quot;",
  ]);
});

Deno.test("long lines wrap, and long output is cut", () => {
  const rows = rowsOf(renderTerminal([output("x".repeat(1000)), output("y")], "x"));
  assertEquals(rows.length, 7);
  assertEquals(rows.at(-1), "...");
  assert(rows.every((row) => row.length <= 92));
});

Deno.test("long lines break after a comma near the end", () => {
  const rows = rowsOf(renderTerminal([output("x".repeat(80) + "," + "y".repeat(80))], "x"));
  assertEquals(rows, ["x".repeat(80) + ",", "y".repeat(80)]);
});
