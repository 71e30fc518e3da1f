import { assertEquals } from "@std/assert";
import { assertionIn } from "./errors.ts";

Deno.test("a failed assertion is found without its path and without other output", () => {
  const output = "load: x\n/src/llama.cpp:12: GGML_ASSERT(f(n) > 0) failedload: more\nend";
  assertEquals(assertionIn(output), ": GGML_ASSERT(f(n) > 0) failed");
  assertEquals(assertionIn("load: x"), "");
});
