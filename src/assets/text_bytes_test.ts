import { assert, assertEquals } from "@std/assert";
import { decodeText, encodeText } from "./text_bytes.ts";

const noise = (length: number) => crypto.getRandomValues(new Uint8Array(length));

Deno.test("bytes of any length come back", () => {
  for (let length = 0; length < 40; length++) {
    const bytes = noise(length);
    assertEquals(decodeText(encodeText(bytes)), bytes);
  }
  const many = noise(65_536);
  assertEquals(decodeText(encodeText(many)), many);
});

Deno.test("the text stands in a module's string as it is, and is short", async () => {
  const bytes = noise(65_536);
  const text = encodeText(bytes);
  assert(!/["\\\n\r\0]/.test(text));
  assert(new TextEncoder().encode(text).length < bytes.length * 1.2);
  const module = new Blob([`export default "${text}";`], { type: "text/javascript" });
  const url = URL.createObjectURL(module);
  const { default: read } = await import(url);
  URL.revokeObjectURL(url);
  assertEquals(decodeText(read), bytes);
});
