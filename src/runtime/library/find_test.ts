import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { LLAMA_VERSION } from "../../../ffi/library/version.ts";
import { ShimmyError } from "../../errors.ts";
import { cacheFolder } from "./cache.ts";
import { type FindOptions, findRuntime } from "./find.ts";
import { describeFolder, installFolder, MANIFEST } from "./install.ts";
import {
  assetOf,
  libraryArchive,
  serve,
  type TemporaryFolder,
  temporaryFolder,
  writeLibraries,
} from "../testing.ts";

const PLATFORM = { os: "linux", arch: "arm64" } as const;

/** An empty machine. Each test adds what it needs. */
function bare(cache: TemporaryFolder, options: Partial<FindOptions> = {}): FindOptions {
  return {
    variant: "cpu",
    folder: "",
    cacheDir: cache.path,
    platform: PLATFORM,
    embedded: null,
    standalone: true,
    allowFetch: false,
    ...options,
  };
}

async function embed(root: string, variant = "cpu"): Promise<URL> {
  const folder = join(root, variant);
  writeLibraries(folder);
  const manifest = JSON.stringify(await describeFolder(folder, false));
  Deno.writeTextFileSync(join(folder, MANIFEST), manifest);
  return pathToFileURL(`${root}/`);
}

function install(cache: TemporaryFolder): Promise<void> {
  const folder = cacheFolder(cache.path, PLATFORM, "cpu");
  return installFolder(folder, (temporary) => Promise.resolve(writeLibraries(temporary)));
}

Deno.test("the user's folder takes precedence and becomes absolute", async () => {
  using cache = temporaryFolder();
  using own = temporaryFolder();
  writeLibraries(own.path);
  await install(cache);
  const embedded = await embed(join(cache.path, "embedded"));
  const runtime = await findRuntime(bare(cache, { folder: own.path, embedded, variant: "vulkan" }));
  assertEquals(runtime, {
    variant: "vulkan",
    folder: resolve(own.path),
    source: "folder",
    version: null,
  });
});

Deno.test("a user folder without the library is an error and not skipped", async () => {
  using cache = temporaryFolder();
  using own = temporaryFolder();
  await install(cache);
  const error = await assertRejects(
    () => findRuntime(bare(cache, { folder: own.path })),
    ShimmyError,
    "SHIMMY_LIBLLAMA: the folder does not contain libllama",
  );
  assertEquals([error.kind, error.detail], ["not_found", own.path]);
});

Deno.test("embedded libraries precede cached ones, cached ones precede a download", async () => {
  using cache = temporaryFolder();
  await install(cache);
  const cached = await findRuntime(bare(cache, { allowFetch: true }));
  assertEquals([cached.source, cached.version], ["cache", LLAMA_VERSION]);
  const embedded = await embed(join(cache.path, "embedded"));
  assertEquals((await findRuntime(bare(cache, { embedded }))).source, "embedded");
});

Deno.test("the CPU runs on an executable's libraries of any variant, a GPU only on its own", async () => {
  using cache = temporaryFolder();
  const embedded = await embed(join(cache.path, "embedded"), "vulkan");
  const runtime = await findRuntime(bare(cache, { embedded }));
  assertEquals([runtime.source, runtime.variant], ["embedded", "cpu"]);
  await assertRejects(
    () => findRuntime(bare(cache, { embedded, variant: "cuda" })),
    ShimmyError,
    "CUDA libraries",
  );
});

Deno.test("Metal runs on the build for Apple's processors that is embedded for the CPU", async () => {
  using cache = temporaryFolder();
  const embedded = await embed(join(cache.path, "embedded"));
  const platform = { os: "mac", arch: "arm64" } as const;
  const runtime = await findRuntime(bare(cache, { embedded, platform, variant: "metal" }));
  assertEquals([runtime.source, runtime.variant], ["embedded", "metal"]);
});

Deno.test("under Deno the npm package is imported after a progress event", async () => {
  using cache = temporaryFolder();
  using bins = temporaryFolder();
  writeLibraries(join(bins.path, "linux-arm64"));
  const events: unknown[] = [];
  const runtime = await findRuntime(bare(cache, {
    standalone: false,
    allowFetch: true,
    isPackageCached: () => false,
    onProgress: (progress) => events.push(progress),
    importPackage: (specifier) => {
      events.push(specifier);
      return Promise.resolve({ getBinsDir: () => ({ binsDir: bins.path, packageVersion: "" }) });
    },
  }));
  assertEquals(runtime.source, "npm");
  assertEquals(runtime.folder, join(bins.path, "linux-arm64"));
  assertEquals(events, [
    { what: "@node-llama-cpp/linux-arm64", bytes: 0, total: null },
    "npm:@node-llama-cpp/linux-arm64@3.22.1",
  ]);
});

Deno.test("a compiled executable downloads the release archive, and finds it in the cache later", async () => {
  using cache = temporaryFolder();
  const archive = await libraryArchive();
  await using server = serve(() => new Response(archive));
  const options = bare(cache, {
    allowFetch: true,
    releaseBase: server.base,
    assets: [assetOf("a.tar.gz", archive)],
  });
  const first = await findRuntime(options);
  assertEquals(first.source, "archive");
  const second = await findRuntime(options);
  assertEquals([second.source, second.folder], ["cache", first.folder]);
});

Deno.test("if downloads are not allowed, the error names the install command", async () => {
  using cache = temporaryFolder();
  const error = await assertRejects(
    () => findRuntime(bare(cache, { variant: "vulkan" })),
    ShimmyError,
  );
  assertEquals(error.kind, "not_found");
  assertStringIncludes(error.message, "run `shimmy runtime install vulkan`");
});

Deno.test("an archive above the size limit is not downloaded", async () => {
  using cache = temporaryFolder();
  const asset = assetOf("a.tar.gz", new Uint8Array(11));
  const options = bare(cache, { allowFetch: true, fetchLimit: 10, assets: [asset] });
  await assertRejects(() => findRuntime(options), ShimmyError, "are not installed");
});

Deno.test("an unpublished variant has an error with instructions", async () => {
  using cache = temporaryFolder();
  const error = await assertRejects(
    () => findRuntime(bare(cache, { variant: "opencl", allowFetch: true })),
    ShimmyError,
  );
  assertStringIncludes(
    error.message,
    "There are no published OpenCL libraries for linux-arm64; build",
  );
});
