import { assertEquals } from "@std/assert";
import { partialInput, wholeInput } from "./custom_input.ts";

Deno.test("the input of arguments in pieces grows to the whole input", () => {
  const input = 'a "quoted" line\n\\ é 😀 \u0007 end';
  const escaped = JSON.stringify({ input }).replace("😀", "\\ud83d\\ude00");
  let before = "";
  for (let length = 0; length <= escaped.length; length++) {
    const now = partialInput(escaped.slice(0, length));
    assertEquals(now.startsWith(before), true);
    assertEquals(input.startsWith(now), true);
    before = now;
  }
  assertEquals(before, input);
  assertEquals(wholeInput(escaped), input);
});

Deno.test("arguments that were cut give the input so far", () => {
  assertEquals(wholeInput('{"inp'), "");
  assertEquals(wholeInput('{"input": "ls \\'), "ls ");
});

Deno.test("complete arguments without input are the input", () => {
  assertEquals(wholeInput('{"command": "ls"}'), '{"command": "ls"}');
});
