import { assertEquals, assertRejects } from "@std/assert";
import { fileURLToPath } from "node:url";
import { buildModel } from "../../../tests/models/build_gguf.ts";
import { ShimmyError } from "../../errors.ts";
import { repeatedToken } from "./vocabulary.ts";

async function repeatedIn(
  tokens: readonly string[],
  metadata: Record<string, string> = {},
): Promise<string | null> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, buildModel({ "tokenizer.ggml.tokens": tokens, ...metadata }));
    return await repeatedToken(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("a token that a vocabulary has twice is found across window borders", async () => {
  const tokens = Array.from({ length: 150_000 }, (_, i) => `token ${i} ${"x".repeat(i % 40)}`);
  assertEquals(await repeatedIn(tokens), null);
  assertEquals(await repeatedIn([...tokens, tokens[70_000]!]), tokens[70_000]);
  assertEquals(await repeatedIn(["\u0120is", "\u0120to", "\u0120is"]), "\u0120is");
});

Deno.test("empty tokens may be repeated, and a model without a tokenizer has no vocabulary", async () => {
  assertEquals(await repeatedIn(["", "", "a"]), null);
  assertEquals(await repeatedIn(["a", "a"], { "tokenizer.ggml.model": "none" }), null);
});

Deno.test("the built-in model has no repeated token, an unreadable file is refused", async () => {
  const folder = new URL("../../assets/tiny/", import.meta.url);
  assertEquals(await repeatedToken(fileURLToPath(new URL("shimmy-tiny.gguf", folder))), null);
  await assertRejects(
    () => repeatedToken(fileURLToPath(new URL("none.gguf", folder))),
    ShimmyError,
    "does not exist",
  );
});
