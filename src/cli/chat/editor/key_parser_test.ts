import { assertEquals } from "@std/assert";
import { KeyParser } from "./key_parser.ts";

Deno.test("keys of the editor are divided from text", () => {
  const parser = new KeyParser();
  assertEquals(parser.push("ab\r"), [{ type: "text", text: "ab" }, { type: "return" }]);
  assertEquals(parser.push("\x1b\r\x1b[13;2u\n"), [
    { type: "newline" },
    { type: "newline" },
    { type: "newline" },
  ]);
  assertEquals(parser.push("\x03\x04\x12\x1b[A\x1bOB"), [
    { type: "interrupt" },
    { type: "end" },
    { type: "search" },
    { type: "up" },
    { type: "down" },
  ]);
  assertEquals(parser.push("\x01\x1b[D"), [
    { type: "text", text: "\x01" },
    { type: "text", text: "\x1b[D" },
  ]);
});

Deno.test("a paste is one key, however it is divided, and without control characters", () => {
  const parser = new KeyParser();
  const text = "x\x1b[200~one\r\ntwo\x1b\x03\rthree\x1b[201~y";
  const whole = parser.push(text);
  assertEquals(whole, [
    { type: "text", text: "x" },
    { type: "paste", text: "one\ntwo\nthree" },
    { type: "text", text: "y" },
  ]);
  for (let at = 3; at < text.length - 2; at++) {
    const divided = new KeyParser();
    const keys = [...divided.push(text.slice(0, at)), ...divided.push(text.slice(at))];
    assertEquals(keys, whole, String(at));
  }
});
