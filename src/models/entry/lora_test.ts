import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { parseLora } from "./lora.ts";

Deno.test("an adapter is a file with a scale of 1 unless a number follows", () => {
  assertEquals(parseLora("a.gguf"), { path: "a.gguf", scale: 1 });
  assertEquals(parseLora("/x/a.gguf:0.5"), { path: "/x/a.gguf", scale: 0.5 });
  assertEquals(parseLora("a.gguf:-1"), { path: "a.gguf", scale: -1 });
  assertEquals(parseLora("a.gguf:.25"), { path: "a.gguf", scale: 0.25 });
  assertEquals(parseLora("a.gguf:1e-2"), { path: "a.gguf", scale: 0.01 });
});

Deno.test("a drive letter's colon is part of the path", () => {
  assertEquals(parseLora("C:\\x\\a.gguf"), { path: "C:\\x\\a.gguf", scale: 1 });
  assertEquals(parseLora("C:\\x\\a.gguf:2"), { path: "C:\\x\\a.gguf", scale: 2 });
});

Deno.test("a missing file and a scale that is not a number are refused", () => {
  for (const text of ["", ":1", "a.gguf:", "a.gguf:half", "a.gguf:1:2", "a.gguf:1e999"]) {
    const error = assertThrows(() => parseLora(text, "SHIMMY_LORA_GGUF"), ShimmyError);
    assertEquals(
      error.message,
      "SHIMMY_LORA_GGUF: must be FILE or FILE:SCALE, as in a.gguf:0.5",
      text,
    );
    assertEquals(error.kind, "invalid");
  }
});
