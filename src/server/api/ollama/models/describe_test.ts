import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { EngineDouble } from "../../../../../tests/doubles/engine.ts";
import { entryDouble, PoolDouble } from "../../../../../tests/doubles/pool.ts";
import { digest, parameterSize } from "./describe.ts";
import { resolveTagged, taggedName } from "./tagged_name.ts";

Deno.test("numbers of parameters are written as people write them", () => {
  const written = [null, 7, 2_621_440, 270e6, 7.6e9, 32e9, 1.04e12].map(parameterSize);
  assertEquals(written, ["", "7", "2.62M", "270M", "7.6B", "32B", "1T"]);
});

Deno.test("a blob's digest is its own, and a file's follows its identity", async () => {
  const hex = "ab".repeat(32);
  const blob = entryDouble("qwen:0.5b", { paths: [`/store/blobs/sha256-${hex}`] });
  assertEquals(await digest(blob), hex);
  const file = entryDouble("m", { modified: 1 });
  assertMatch(await digest(file), /^[0-9a-f]{64}$/);
  assertEquals(await digest(file), await digest({ ...file, paths: ["/elsewhere/m.gguf"] }));
  assertNotEquals(await digest(file), await digest({ ...file, modified: 2 }));
});

Deno.test("names are shown with a tag and found with and without :latest", async () => {
  const engine = new EngineDouble();
  const plain = entryDouble("plain");
  const tagged = entryDouble("qwen:0.5b");
  const latest = entryDouble("llama:latest");
  const pool = new PoolDouble(
    { entry: plain, engine },
    { entry: tagged, engine },
    { entry: latest, engine },
  );
  assertEquals([plain, tagged, latest].map(taggedName), [
    "plain:latest",
    "qwen:0.5b",
    "llama:latest",
  ]);
  for (
    const [name, entry] of [["plain", plain], ["plain:latest", plain], ["llama", latest]] as const
  ) {
    assertEquals(await resolveTagged(pool, name), entry);
  }
});
