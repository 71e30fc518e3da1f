/**
 * Prints how long discovery takes for a hundred models with vocabularies of 150,000 tokens each.
 *
 * usage: deno run --allow-read --allow-write --allow-env scripts/bench/discover.ts
 */
import { join } from "node:path";
import { discover } from "../../src/models/discovery/discover.ts";
import { folderSource } from "../../src/models/discovery/sources/folder.ts";
import { buildModel } from "../../tests/models/build_gguf.ts";

const FILES = 100;
const TOKENS = 150_000;

const folder = await Deno.makeTempDir();
try {
  const tokens = Array.from({ length: TOKENS }, (_, i) => `tok${i}`);
  const bytes = buildModel({ "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.merges": tokens });
  for (let i = 0; i < FILES; i++) await Deno.writeFile(join(folder, `${i}.gguf`), bytes);
  for (const run of ["first", "second"]) {
    const start = performance.now();
    const { models } = await discover([folderSource(folder, "folder")]);
    const ms = (performance.now() - start).toFixed(0);
    console.log(
      `${run} scan: ${models.length} models in ${ms} ms, ${bytes.length} bytes of head each`,
    );
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
