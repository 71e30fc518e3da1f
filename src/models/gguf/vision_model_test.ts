import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { readHeader } from "./gguf.ts";

const header = (name: string) =>
  readHeader(fileURLToPath(new URL(`../../assets/tiny/${name}.gguf`, import.meta.url)));

Deno.test("the vision and audio towers write embeddings of the width of their model", async () => {
  const towers = (await header("mmproj-shimmy-tiny-vision")).metadata;
  const model = (await header("shimmy-tiny-vision")).metadata;
  assertEquals(towers.get("general.type"), "mmproj");
  for (const [kind, type] of [["vision", "adapter"], ["audio", "qwen3a"]]) {
    assertEquals(towers.get(`clip.has_${kind}_encoder`), true);
    assertEquals(towers.get(`clip.${kind}.projector_type`), type);
    assertEquals(towers.get(`clip.${kind}.projection_dim`), model.get("llama.embedding_length"));
  }
});

Deno.test("the model that sees and hears has the tokenizer size and the template of the built-in model", async () => {
  const seeing = (await header("shimmy-tiny-vision")).metadata;
  const builtIn = (await header("shimmy-tiny")).metadata;
  for (const key of ["tokenizer.ggml.tokens", "tokenizer.ggml.merges", "tokenizer.chat_template"]) {
    assertEquals(seeing.get(key), builtIn.get(key), key);
  }
});
