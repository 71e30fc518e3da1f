import { assertEquals } from "@std/assert";
import { isIncomplete, messageText, withNextLine } from "./message_text.ts";

Deno.test("a backslash at the end and an open block continue the message", () => {
  assertEquals(["a", "a\\", '"""a', '"""a"""', 'say """'].map(isIncomplete), [
    false,
    true,
    true,
    false,
    false,
  ]);
  assertEquals([withNextLine("a\\"), withNextLine('"""a\\')], ["a\n", '"""a\\\n']);
});

Deno.test("the marks of a block are no part of the message", () => {
  assertEquals(messageText('"""\none\ntwo\n"""'), "one\ntwo");
  assertEquals(messageText('"""one\ntwo"""'), "one\ntwo");
  assertEquals(messageText("plain"), "plain");
});
