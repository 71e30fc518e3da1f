import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ShimmyError } from "../../errors.ts";
import { findCached } from "./cache.ts";
import { embeddedLibraries, unpackEmbedded } from "./embedded.ts";
import { describeFolder, isIntact, MANIFEST } from "./install.ts";
import { LIBRARY_FILES, temporaryFolder, writeLibraries } from "../testing.ts";

const PLATFORM = { os: "linux", arch: "x64" } as const;

/** The libraries that compilation embeds in the executable. */
async function embed(root: string, others: readonly string[] = []): Promise<URL> {
  const folder = join(root, "cpu");
  writeLibraries(folder, others);
  Deno.writeTextFileSync(
    join(folder, MANIFEST),
    JSON.stringify(await describeFolder(folder, false)),
  );
  return pathToFileURL(`${root}/`);
}

Deno.test("embedded libraries are copied to the cache completely and once", async () => {
  using root = temporaryFolder();
  using cache = temporaryFolder();
  const libraries = await embed(root.path, ["libggml-cpu-x64.so"]);
  const folder = await unpackEmbedded(libraries, PLATFORM, "cpu", cache.path);
  assert(folder && await isIntact(folder));
  for (const name of [...LIBRARY_FILES, "libggml-cpu-x64.so"]) {
    assertEquals(Deno.readTextFileSync(join(folder, name)), `content of ${name}`);
  }
  const before = Deno.statSync(join(folder, MANIFEST)).mtime?.getTime();
  assertEquals(await unpackEmbedded(libraries, PLATFORM, "cpu", cache.path), folder);
  assertEquals(Deno.statSync(join(folder, MANIFEST)).mtime?.getTime(), before);
  assertEquals(await findCached(cache.path, PLATFORM, "cpu"), folder);
});

Deno.test("a damaged copy is replaced", async () => {
  using root = temporaryFolder();
  using cache = temporaryFolder();
  const libraries = await embed(root.path);
  const folder = await unpackEmbedded(libraries, PLATFORM, "cpu", cache.path) ?? "";
  Deno.truncateSync(join(folder, LIBRARY_FILES[0] ?? ""), 2);
  assertEquals(await unpackEmbedded(libraries, PLATFORM, "cpu", cache.path), folder);
  assert(await isIntact(folder));
});

Deno.test("libraries of another executable are stored separately", async () => {
  using root = temporaryFolder();
  using cache = temporaryFolder();
  const one = await embed(join(root.path, "one"));
  const two = await embed(join(root.path, "two"), ["libggml-cpu-x64.so"]);
  const folders = [
    await unpackEmbedded(one, PLATFORM, "cpu", cache.path),
    await unpackEmbedded(two, PLATFORM, "cpu", cache.path),
  ];
  assertEquals(new Set(folders).size, 2);
});

Deno.test("a damaged executable is refused", async () => {
  using root = temporaryFolder();
  using cache = temporaryFolder();
  const libraries = await embed(root.path);
  Deno.writeTextFileSync(join(root.path, "cpu", LIBRARY_FILES[0] ?? ""), "damaged");
  const error = await assertRejects(
    () => unpackEmbedded(libraries, PLATFORM, "cpu", cache.path),
    ShimmyError,
  );
  assertEquals(error.message, "The libraries in this executable are damaged; download it again");
  assertEquals(await findCached(cache.path, PLATFORM, "cpu"), null);
});

Deno.test("a variant that is not embedded is not found", async () => {
  using root = temporaryFolder();
  const libraries = await embed(root.path);
  assertEquals(await unpackEmbedded(libraries, PLATFORM, "vulkan", root.path), null);
});

Deno.test("under Deno nothing is embedded", () => {
  assertEquals(embeddedLibraries(), null);
});
