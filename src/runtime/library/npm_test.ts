import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { ShimmyError } from "../../errors.ts";
import { fetchPackage, isPackageCached } from "./npm.ts";
import { NPM_VERSION } from "./release.ts";
import { temporaryFolder, writeLibraries } from "../testing.ts";

Deno.test("a package's own folder of the variant is found, at the pinned version", async () => {
  using root = temporaryFolder();
  writeLibraries(join(root.path, "linux-x64-vulkan"));
  const specifiers: string[] = [];
  const folder = await fetchPackage("linux-x64-vulkan", {
    load: (specifier) => {
      specifiers.push(specifier);
      return Promise.resolve({
        getBinsDir: () => ({ binsDir: root.path, packageVersion: NPM_VERSION }),
      });
    },
  });
  assertEquals(folder, join(root.path, "linux-x64-vulkan"));
  assertEquals(specifiers, [`npm:@node-llama-cpp/linux-x64-vulkan@${NPM_VERSION}`]);
});

Deno.test("a package that cannot be downloaded names the alternatives", async () => {
  const error = await assertRejects(
    () => fetchPackage("linux-x64", { load: () => Promise.reject(new TypeError("no network")) }),
    ShimmyError,
  );
  assertStringIncludes(error.message, "@node-llama-cpp/linux-x64; set SHIMMY_LIBLLAMA to a folder");
  assertEquals(error.detail, "no network");
});

Deno.test("a package without its libraries is reported as incomplete", async () => {
  using root = temporaryFolder();
  const load = () =>
    Promise.resolve({ getBinsDir: () => ({ binsDir: root.path, packageVersion: NPM_VERSION }) });
  const error = await assertRejects(() => fetchPackage("linux-x64", { load }), ShimmyError);
  assertStringIncludes(error.message, "incomplete: delete it and try again");
  assertEquals(error.detail, join(root.path, "linux-x64"));
});

Deno.test("a package counts as cached only in the pinned version and with its libraries", () => {
  using root = temporaryFolder();
  const env = (name: string) => name === "DENO_DIR" ? root.path : undefined;
  assertEquals(isPackageCached("linux-x64", env), false);
  const versions = join(root.path, "npm", "registry.example", "@node-llama-cpp", "linux-x64");
  Deno.mkdirSync(join(versions, "0.0.1", "bins", "linux-x64"), { recursive: true });
  assertEquals(isPackageCached("linux-x64", env), false);
  Deno.mkdirSync(join(versions, NPM_VERSION, "bins", "linux-x64"), { recursive: true });
  assertEquals(isPackageCached("linux-x64", env), true);
  assertEquals(isPackageCached("linux-x64-cuda", env), false);
  assertEquals(isPackageCached("linux-x64", () => undefined), false);
});
