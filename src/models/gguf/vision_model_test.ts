import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { readHeader } from "./gguf.ts";

const header = (name: string) =>
  readHeader(fromFileUrl(new URL(`../../assets/tiny/${name}.gguf`, import.meta.url)));

Deno.test("the vision tower writes embeddings of the width of its model", async () => {
  const tower = (await header("mmproj-shimmy-tiny-vision")).metadata;
  const model = (await header("shimmy-tiny-vision")).metadata;
  assertEquals(tower.get("general.type"), "mmproj");
  assertEquals(tower.get("clip.projector_type"), "adapter");
  assertEquals(tower.get("clip.vision.projection_dim"), model.get("llama.embedding_length"));
});

Deno.test("the model that sees has the tokenizer size and the template of the built-in model", async () => {
  const seeing = (await header("shimmy-tiny-vision")).metadata;
  const builtIn = (await header("shimmy-tiny")).metadata;
  for (const key of ["tokenizer.ggml.tokens", "tokenizer.ggml.merges", "tokenizer.chat_template"]) {
    assertEquals(seeing.get(key), builtIn.get(key), key);
  }
});
