import { assertEquals, assertNotEquals } from "@std/assert";
import { checkVisible, signatureOf } from "./problem.ts";

Deno.test("stacks, paths, keys and unexpected errors are seen in what a client gets", () => {
  const kind = (text: string) => checkVisible(text, ["/home/a", "sk-1"])?.kind;
  assertEquals(kind("Error: x\n    at run (file:///src/a.ts:1:2)"), "disclosure");
  assertEquals(kind("at async ext:core/01_core.js:1:2"), "disclosure");
  assertEquals(kind("Cannot open /home/a/model.gguf"), "disclosure");
  assertEquals(kind('{"key":"sk-1"}'), "disclosure");
  assertEquals(kind('{"error":"Internal error"}'), "unexpected");
  assertEquals(kind("Cannot read properties of undefined"), "unexpected");
  assertEquals(kind("a.b is not a function"), "unexpected");
  // An error of a template's own.
  assertEquals(kind("Cannot call something that is not a function"), undefined);
  assertEquals(kind("messages: must be a list, at most 5"), undefined);
});

Deno.test("problems with the same words have the same signature", () => {
  const signature = (message: string) => signatureOf({ kind: "status", message });
  assertEquals(signature("'a' gave 502 in 5 ms"), signature("'b' gave 500 in 77 ms"));
  assertNotEquals(signature("a gave 502"), signature("b gave 502"));
  assertNotEquals(signature("x"), signatureOf({ kind: "hang", message: "x" }));
});
