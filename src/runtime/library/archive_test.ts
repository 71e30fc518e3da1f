import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ShimmyError } from "../../errors.ts";
import { type ArchiveOptions, installArchive } from "./archive.ts";
import { findCached } from "./cache.ts";
import { isIntact } from "./install.ts";
import { RELEASE_BUILD } from "./release.ts";
import {
  assetOf,
  LIBRARY_FILES,
  libraryArchive,
  serve,
  tarGz,
  temporaryFolder,
} from "../testing.ts";

const PLATFORM = { os: "linux", arch: "x64" } as const;
const ARCHIVE = await libraryArchive();
const ASSET = assetOf("llama-bin.tar.gz", ARCHIVE);

function options(cacheDir: string, base: string): ArchiveOptions {
  return { platform: PLATFORM, variant: "cpu", cacheDir, base, assets: [ASSET], retryMs: 1 };
}

Deno.test("an archive becomes a complete folder, and the download is removed", async () => {
  using cache = temporaryFolder();
  const paths: string[] = [];
  await using server = serve((request) => {
    paths.push(new URL(request.url).pathname);
    return new Response(ARCHIVE);
  });
  const folder = await installArchive(options(cache.path, server.base));
  assertEquals(paths, [`/${RELEASE_BUILD}/${ASSET.name}`]);
  assertEquals(
    [...Deno.readDirSync(folder)].map(({ name }) => name).sort(),
    [...LIBRARY_FILES, "manifest.json"].sort(),
  );
  assertEquals(await findCached(cache.path, PLATFORM, "cpu"), folder);
  const left = [...Deno.readDirSync(join(cache.path, "downloads"))].map(({ name }) => name);
  assertEquals(left, [`${ASSET.name}.lock`]);
});

Deno.test("several archives go into one folder", async () => {
  using cache = temporaryFolder();
  const extra = await tarGz({ "cudart/libcudart.so.12": "cudart" });
  const assets = [ASSET, assetOf("cudart.tar.gz", extra)];
  await using server = serve(({ url }) => new Response(url.includes("cudart") ? extra : ARCHIVE));
  const folder = await installArchive({ ...options(cache.path, server.base), assets });
  assertEquals(Deno.readTextFileSync(join(folder, "libcudart.so.12")), "cudart");
  assert(await isIntact(folder));
});

Deno.test("concurrent installs in one process download once", async () => {
  using cache = temporaryFolder();
  let requests = 0;
  await using server = serve(async () => {
    requests++;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return new Response(ARCHIVE);
  });
  const folders = await Promise.all(
    [1, 2, 3].map(() => installArchive(options(cache.path, server.base))),
  );
  assertEquals(new Set(folders).size, 1);
  assertEquals(requests, 1);
});

Deno.test("two concurrent processes both get the complete folder with one download", async () => {
  using cache = temporaryFolder();
  let requests = 0;
  await using server = serve(async () => {
    requests++;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return new Response(ARCHIVE);
  });
  const module = new URL("./archive.ts", import.meta.url).href;
  const code = `import { installArchive } from ${JSON.stringify(module)};
    console.log(await installArchive(${JSON.stringify(options(cache.path, server.base))}));`;
  const run = () =>
    new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", "--no-lock", code],
      cwd: fileURLToPath(new URL("../../..", import.meta.url)),
      stdout: "piped",
      stderr: "piped",
    }).output();
  const outputs = await Promise.all([run(), run()]);
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  for (const { success, stderr } of outputs) assert(success, text(stderr));
  const [one, two] = outputs.map(({ stdout }) => text(stdout));
  assertEquals(one, two);
  assert(await isIntact(one ?? ""));
  assertEquals(requests, 1);
});

Deno.test("a failed download names the alternatives", async () => {
  using cache = temporaryFolder();
  await using server = serve(() => new Response("no", { status: 404 }));
  const error = await assertRejects(
    () => installArchive(options(cache.path, server.base)),
    ShimmyError,
  );
  assertEquals(error.kind, "backend");
  assertStringIncludes(
    error.message,
    "the server answered with status 404; set SHIMMY_LIBLLAMA to a folder",
  );
  assertStringIncludes(error.detail ?? "", server.base);
  assertEquals(await findCached(cache.path, PLATFORM, "cpu"), null);
});

Deno.test("a verified download that is not an archive is an error and leaves no folder", async () => {
  using cache = temporaryFolder();
  const bytes = new TextEncoder().encode("not an archive");
  await using server = serve(() => new Response(bytes));
  const error = await assertRejects(
    () =>
      installArchive({ ...options(cache.path, server.base), assets: [assetOf("a.tar.gz", bytes)] }),
    ShimmyError,
  );
  assertStringIncludes(error.message, "Cannot unpack llama.cpp's libraries");
  assertEquals([...Deno.readDirSync(join(cache.path, "runtime"))], []);
});

Deno.test("a cancelled download leaves no folder and can be resumed", async () => {
  using cache = temporaryFolder();
  const controller = new AbortController();
  await using server = serve(() => new Response(ARCHIVE));
  const error = await assertRejects(() =>
    installArchive({
      ...options(cache.path, server.base),
      signal: controller.signal,
      onProgress: () => controller.abort(),
    }), ShimmyError);
  assertEquals(error.kind, "cancelled");
  assertEquals(await findCached(cache.path, PLATFORM, "cpu"), null);
  assert(await isIntact(await installArchive(options(cache.path, server.base))));
});

Deno.test("a wait for another download can be cancelled", async () => {
  using cache = temporaryFolder();
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = serve(async () => {
    await promise;
    return new Response(ARCHIVE);
  });
  const first = installArchive(options(cache.path, server.base));
  const waiting = { ...options(cache.path, server.base), signal: AbortSignal.timeout(20) };
  const error = await assertRejects(() => installArchive(waiting), ShimmyError);
  assertEquals(error.kind, "cancelled");
  resolve();
  assert(await isIntact(await first));
  // The pending lock is acquired only now and then released.
  await new Promise((done) => setTimeout(done, 50));
});

Deno.test("a platform without an archive has a readable error", async () => {
  const error = await assertRejects(
    () => installArchive({ platform: PLATFORM, variant: "opencl", cacheDir: "unused" }),
    ShimmyError,
  );
  assertStringIncludes(error.message, "no OpenCL libraries for linux-x64; set SHIMMY_LIBLLAMA");
});
