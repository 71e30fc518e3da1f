import { assertEquals } from "@std/assert";
import { cacheFolder } from "./cache.ts";
import { installFolder } from "./install.ts";
import { listInstalled, removeInstalled } from "./manage.ts";
import { temporaryFolder, writeLibraries } from "../testing.ts";
import type { Platform, Variant } from "./variant.ts";

const PLATFORM: Platform = { os: "linux", arch: "x64" };

async function install(cacheDir: string, variant: Variant, mark?: string): Promise<void> {
  const folder = cacheFolder(cacheDir, PLATFORM, variant, mark);
  await installFolder(folder, (temporary) => Promise.resolve(writeLibraries(temporary)));
}

function options(cacheDir: string) {
  return { cacheDir, platform: PLATFORM, embedded: null, standalone: true };
}

Deno.test("variants are listed with their sources and download sizes", async () => {
  using cache = temporaryFolder();
  await install(cache.path, "vulkan");
  const found = await listInstalled(options(cache.path));
  const sources = Object.fromEntries(found.map(({ variant, sources }) => [variant, sources]));
  assertEquals(sources, { cuda: [], metal: [], vulkan: ["cache"], opencl: [], cpu: [] });
  const of = (wanted: Variant) => found.find(({ variant }) => variant === wanted)!;
  assertEquals(of("vulkan").folder, cacheFolder(cache.path, PLATFORM, "vulkan"));
  assertEquals(of("metal").published, false);
  assertEquals(of("cpu").published, true);
  assertEquals(of("cpu").downloadBytes! > 1e6, true);
});

Deno.test("removing a variant removes every copy of it and nothing else", async () => {
  using cache = temporaryFolder();
  await install(cache.path, "vulkan");
  await install(cache.path, "vulkan", "abc");
  await install(cache.path, "cpu");
  assertEquals(await removeInstalled("vulkan", options(cache.path)), true);
  assertEquals(await removeInstalled("vulkan", options(cache.path)), false);
  const found = await listInstalled(options(cache.path));
  assertEquals(
    found.filter(({ sources }) => sources.length > 0).map(({ variant }) => variant),
    ["cpu"],
  );
});

Deno.test("without a cache folder there is nothing to remove", async () => {
  using cache = temporaryFolder();
  assertEquals(await removeInstalled("cpu", options(`${cache.path}/none`)), false);
});
