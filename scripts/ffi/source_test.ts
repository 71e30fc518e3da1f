import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { withFolder } from "../../ffi/testing.ts";
import { SourceError, withLlamaSource } from "./source.ts";

const cmake = (minor: number) =>
  `set(LLAMA_VERSION_MAJOR 0)\nset(LLAMA_VERSION_MINOR ${minor})\nset(LLAMA_VERSION_PATCH 0)\n`;

Deno.test("a checkout of the pinned version is used in place", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "CMakeLists.txt"), cmake(5));
    const includes = await withLlamaSource(["--headers", folder], (source) => source.includes);
    assertEquals(includes, [
      join(folder, "include"),
      join(folder, "ggml", "include"),
      join(folder, "tools", "mtmd"),
    ]);
  });
});

Deno.test("a checkout of another version, or none, is refused", async () => {
  await withFolder(async (folder) => {
    const use = () => withLlamaSource(["--headers", folder], (source) => source.folder);
    await assertRejects(use, SourceError, `Cannot read llama.cpp's source in ${folder}`);
    await Deno.writeTextFile(join(folder, "CMakeLists.txt"), cmake(6));
    await assertRejects(use, SourceError, "Cannot use llama.cpp 0.6.0");
  });
});
