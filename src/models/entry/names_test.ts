import { assertEquals } from "@std/assert";
import { resolve } from "node:path";
import { modelEntry } from "../../../tests/doubles/model_entry.ts";
import type { ModelEntry } from "./entry.ts";
import { findByName, modelName, nearestName, shardName, similarName } from "./names.ts";

function entry(name: string, path: string, aliases?: string[]): ModelEntry {
  return modelEntry(name, { paths: [path], ...(aliases === undefined ? {} : { aliases }) });
}

Deno.test("a name is the file's without extension and shard suffix, lower-cased", () => {
  assertEquals(modelName("/models/Qwen3-8B-Q4_K_M.gguf"), "qwen3-8b-q4_k_m");
  assertEquals(modelName("Big-Q8_0-00001-of-00003.GGUF"), "big-q8_0");
  assertEquals(modelName("/a/v1.5.gguf"), "v1.5");
  assertEquals(modelName("/blobs/sha256-abc"), "sha256-abc");
});

Deno.test("a shard's siblings keep the spelling of its name", () => {
  const shard = shardName("dir/m-00002-of-00010.GGUF");
  assertEquals(shard?.count, 10);
  assertEquals(shard?.path(10), "dir/m-00010-of-00010.GGUF");
  assertEquals(shardName("m-00011-of-00010.gguf"), null);
  assertEquals(shardName("m-00000-of-00010.gguf"), null);
  assertEquals(shardName("m-1-of-2.gguf"), null);
});

Deno.test("entries are found by name, alias, tag and path", () => {
  const plain = entry("qwen3-8b", "models/Qwen3-8B.gguf");
  const tagged = entry("llama3:latest", "/store/blobs/sha256-1", ["llama3:8b"]);
  const all = [plain, tagged];
  for (const asked of ["qwen3-8b", "Qwen3-8B", "qwen3-8b.gguf", "Qwen3-8B.GGUF"]) {
    assertEquals(findByName(all, asked), plain, asked);
  }
  for (const asked of ["llama3", "LLAMA3:latest", "llama3:8b"]) {
    assertEquals(findByName(all, asked), tagged, asked);
  }
  for (const asked of ["./models/Qwen3-8B.gguf", resolve("models/Qwen3-8B.gguf")]) {
    assertEquals(findByName(all, asked), plain, asked);
  }
  for (const asked of ["qwen3", "", "llama3:70b", "./qwen3-8b"]) {
    assertEquals(findByName(all, asked), undefined, asked);
  }
});

Deno.test("the nearest name is the one with the fewest changes", () => {
  assertEquals(nearestName(["qwen3-8b", "llama3", "phi-4"], "lama3"), "llama3");
  assertEquals(nearestName([], "x"), undefined);
});

Deno.test("a similar name contains the other or differs in at most half of the characters", () => {
  const names = ["chat", "cp", "gpu-info", "stop"];
  assertEquals(similarName(names, "caht"), "chat");
  assertEquals(similarName(names, "gpu"), "gpu-info");
  assertEquals(similarName(names, "json"), undefined);
  assertEquals(similarName(names, "version"), undefined);
  assertEquals(similarName([], "x"), undefined);
});

Deno.test("a text of megabytes has no nearest name", () => {
  assertEquals(nearestName(["qwen3-8b", "llama3"], "x".repeat(20_000_000)), undefined);
});
