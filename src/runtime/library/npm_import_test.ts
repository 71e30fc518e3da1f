import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { importInChild } from "./npm_import.ts";
import { NPM_VERSION, packageIntegrity } from "./release.ts";
import { serve, tarGz, temporaryFolder } from "../testing.ts";

/** A registry on loopback with one package of `@node-llama-cpp`. */
async function withRegistry(
  name: string,
  use: (env: Record<string, string>, folder: string) => Promise<void>,
): Promise<void> {
  const id = `@node-llama-cpp/${name}`;
  const tarball = await tarGz({
    "package/package.json": JSON.stringify({
      name: id,
      version: NPM_VERSION,
      type: "module",
      exports: "./index.js",
    }),
    "package/index.js": `export const getBinsDir = () =>
      ({ binsDir: import.meta.dirname, packageVersion: "${NPM_VERSION}" });`,
  });
  const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
  await using registry = serve((request) => {
    if (request.url.endsWith(".tgz")) return new Response(tarball);
    const dist = { tarball: `${registry.base}/package.tgz`, integrity };
    return Response.json({
      name: id,
      "dist-tags": { latest: NPM_VERSION },
      versions: { [NPM_VERSION]: { name: id, version: NPM_VERSION, dist } },
    });
  });
  using folder = temporaryFolder();
  const env = { DENO_DIR: folder.path, NPM_CONFIG_REGISTRY: registry.base, NO_PROXY: "127.0.0.1" };
  await use(env, folder.path);
}

Deno.test("a child process imports the package into Deno's cache", async () => {
  await withRegistry("mac-x64", async (env, folder) => {
    const module = await importInChild(`npm:@node-llama-cpp/mac-x64@${NPM_VERSION}`, env);
    const { binsDir, packageVersion } = module.getBinsDir();
    assertStringIncludes(binsDir, folder);
    assertEquals(packageVersion, NPM_VERSION);
  });
});

Deno.test("a package with another digest than the pinned one is refused", async () => {
  await withRegistry("linux-x64", async (env) => {
    const error = await assertRejects(
      () => importInChild(`npm:@node-llama-cpp/linux-x64@${NPM_VERSION}`, env),
      Error,
      "checksum did not match",
    );
    assertEquals(error.message.includes("\n"), false);
  });
});

Deno.test("a package that the registry does not have is named", async () => {
  await withRegistry("linux-x64", async (env) => {
    await assertRejects(
      () => importInChild("npm:@node-llama-cpp/linux-x64@0.0.1", env),
      Error,
      "@node-llama-cpp/linux-x64",
    );
  });
});

Deno.test("the pinned digests are those of the lock file for tests", async () => {
  const path = new URL("../../../deno.test.lock", import.meta.url);
  const { npm } = JSON.parse(await Deno.readTextFile(path)) as {
    npm: Record<string, { integrity: string }>;
  };
  const locked = Object.entries(npm).filter(([id]) => id.startsWith("@node-llama-cpp/"));
  assertEquals(locked.length > 0, true);
  for (const [id, { integrity }] of locked) {
    const name = id.slice("@node-llama-cpp/".length, -`@${NPM_VERSION}`.length);
    assertEquals([id, packageIntegrity(name)], [id, integrity]);
  }
});
