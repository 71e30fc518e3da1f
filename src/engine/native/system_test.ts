import { assertEquals } from "@std/assert";
import { computeThreads, defaultThreads } from "./system.ts";

Deno.test("a small model gets one thread, unless threads are asked for", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [small, large] = [`${folder}/small.gguf`, `${folder}/large.gguf`];
    await Deno.writeFile(small, new Uint8Array(1024));
    await Deno.writeFile(large, new Uint8Array());
    await Deno.truncate(large, 8 * 1024 ** 2);
    assertEquals(computeThreads({ threads: 0, modelPaths: [small] }), 1);
    assertEquals(computeThreads({ threads: 3, modelPaths: [small] }), 3);
    assertEquals(computeThreads({ threads: 0, modelPaths: [large] }), defaultThreads());
    // The parts of a model count together.
    const parts = [small, large];
    assertEquals(computeThreads({ threads: 0, modelPaths: parts }), defaultThreads());
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
