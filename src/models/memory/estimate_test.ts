import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withFolder } from "../../../ffi/testing.ts";
import { describe, isModel } from "../discovery/describe.ts";
import type { ModelEntry } from "../entry/entry.ts";
import { estimateMainMemory, type LoadShape } from "./estimate.ts";
import { candidateOf } from "../discovery/sources/folder.ts";
import { shardSet } from "../entry/shards.ts";

const TINY = fileURLToPath(new URL("../../assets/tiny/shimmy-tiny.gguf", import.meta.url));
/** Keys and values of 4 layers, 2 heads of 64 values each, 16 bits. */
const KV_PER_TOKEN = 4 * 2 * (64 + 64) * 2;
const COMPUTE = 512 * 256 * 64;

const shape: LoadShape = {
  contextLength: 512,
  parallel: 2,
  kvType: "f16",
  kvUnified: false,
  batchSize: 0,
};

async function tiny(): Promise<ModelEntry> {
  const entry = await describe(candidateOf(shardSet(TINY)), "builtin");
  assert(isModel(entry));
  return entry;
}

Deno.test("a model needs its file, a KV cache for each sequence and compute buffers", async () => {
  const entry = await tiny();
  const need = (changes: Partial<LoadShape>) =>
    estimateMainMemory(entry, { ...shape, ...changes }, 2 ** 40);
  assertEquals(await need({}), entry.size + 512 * 2 * KV_PER_TOKEN + COMPUTE);
  assertEquals(await need({ kvUnified: true }), entry.size + 512 * KV_PER_TOKEN + COMPUTE);
  assertEquals(await need({ contextLength: 0 }), entry.size + 1024 * 2 * KV_PER_TOKEN + COMPUTE);
  assertEquals(await need({ kvType: "f32" }), entry.size + 512 * 4 * KV_PER_TOKEN + COMPUTE);
  assertEquals(
    await need({ batchSize: 1024 }),
    entry.size + 512 * 2 * KV_PER_TOKEN + 2 * COMPUTE,
  );
});

Deno.test("a draft model has a context of the same shape, in half precision", async () => {
  const entry = await tiny();
  const drafted = (changes: Partial<LoadShape>, available = 2 ** 40) =>
    estimateMainMemory(entry, { ...shape, ...changes }, available, entry);
  const both = 2 * (entry.size + 512 * 2 * KV_PER_TOKEN + COMPUTE);
  assertEquals(await drafted({}), both);
  assertEquals(await drafted({ kvType: "f32" }), both + 512 * 2 * KV_PER_TOKEN);
  // Both share what the memory allows.
  const available = 2 ** 30;
  const auto = { contextLength: 0, parallel: 400, kvUnified: "auto" } as const;
  const need = await drafted(auto, available);
  assert(need < available, `${need} bytes`);
});

Deno.test("an embedding model has no KV cache", async () => {
  const entry: ModelEntry = { ...await tiny(), kind: "embedding" };
  assertEquals(await estimateMainMemory(entry, shape, 2 ** 40), entry.size + COMPUTE);
});

Deno.test("the file of a projector is counted", async () => {
  const entry = await tiny();
  const without = await estimateMainMemory(entry, shape, 2 ** 40);
  const projector = { path: TINY, offload: true, isOptional: true };
  const { size } = await Deno.stat(TINY);
  assertEquals(await estimateMainMemory(entry, { ...shape, projector }, 2 ** 40), without + size);
});

Deno.test("the context is smaller beside a projector", async () => {
  const entry = await tiny();
  await withFolder(async (folder) => {
    const projector = { path: join(folder, "mmproj.gguf"), offload: true, isOptional: true };
    await Deno.writeFile(projector.path, new Uint8Array(2 ** 20));
    const auto = { ...shape, contextLength: 0, parallel: 400, kvUnified: "auto" } as const;
    const available = 2 ** 29 + entry.size + 8 * 2 ** 20;
    const without = await estimateMainMemory(entry, auto, available);
    const beside = await estimateMainMemory(entry, { ...auto, projector }, available);
    assert(beside < without + 2 ** 20, `${beside} bytes, ${without} without a projector`);
  });
});

Deno.test("the files of adapters are counted", async () => {
  const path = fileURLToPath(new URL("../../../tests/models/pirate-lora.gguf", import.meta.url));
  const entry: ModelEntry = { ...await tiny(), loras: [{ path, scale: 1 }] };
  const without = await estimateMainMemory({ ...entry, loras: [] }, shape, 2 ** 40);
  const { size } = await Deno.stat(path);
  assertEquals(await estimateMainMemory(entry, shape, 2 ** 40), without + size);
  const gone = { ...entry, loras: [{ path: `${path}.gone`, scale: 1 }] };
  assertEquals(await estimateMainMemory(gone, shape, 2 ** 40), without);
});
