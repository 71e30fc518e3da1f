import { assertEquals, assertThrows } from "@std/assert";
import { basename, join } from "node:path";
import { ShimmyError } from "../../src/errors.ts";
import { locateLibrary, locateMediaLibrary } from "./locate.ts";
import { withFolder } from "../testing.ts";

async function located(os: typeof Deno.build.os, names: readonly string[]): Promise<string[]> {
  let found: string[] = [];
  await withFolder((folder) => {
    for (const name of names) Deno.writeTextFileSync(join(folder, name), "");
    const files = locateLibrary(folder, os);
    found = [files.llama, files.ggml, files.ggmlBase].map((path) => basename(path));
  });
  return found;
}

Deno.test("a library is found under each published name", async () => {
  const other = ["libllama-common.so", "libggml-cpu-x64.so", "llama-addon.node"];
  assertEquals(
    await located("linux", [
      ...other,
      "libllama.v0.5.0.so",
      "libggml.v0.5.0.so",
      "libggml-base.so",
    ]),
    ["libllama.v0.5.0.so", "libggml.v0.5.0.so", "libggml-base.so"],
  );
  assertEquals(
    await located("linux", [
      "libllama.cuda.v0.5.0.so",
      "libggml.cuda.v0.5.0.so",
      "libggml-base.so",
    ]),
    ["libllama.cuda.v0.5.0.so", "libggml.cuda.v0.5.0.so", "libggml-base.so"],
  );
  assertEquals(
    await located("darwin", ["libllama.0.5.0.dylib", "libggml.0.dylib", "libggml-base.dylib"]),
    ["libllama.0.5.0.dylib", "libggml.0.dylib", "libggml-base.dylib"],
  );
  assertEquals(
    await located("windows", ["llama.dll", "ggml.dll", "ggml-base.dll"]),
    ["llama.dll", "ggml.dll", "ggml-base.dll"],
  );
});

Deno.test("ggml is taken from the same variant as libllama", async () => {
  assertEquals(
    await located("linux", [
      "libggml.so",
      "libggml.vulkan.v0.5.0.so",
      "libggml-base.so",
      "libllama.vulkan.v0.5.0.so",
    ]),
    ["libllama.vulkan.v0.5.0.so", "libggml.vulkan.v0.5.0.so", "libggml-base.so"],
  );
});

Deno.test("the pinned version is preferred to a library without a version", async () => {
  assertEquals(
    (await located("linux", ["libllama.so", "libllama.v0.5.0.so"]))[0],
    "libllama.v0.5.0.so",
  );
});

Deno.test("a library that includes ggml needs no other", async () => {
  assertEquals(await located("linux", ["libllama.so"]), [
    "libllama.so",
    "libllama.so",
    "libllama.so",
  ]);
});

Deno.test("a folder that lacks the library or does not exist is refused", async () => {
  await withFolder((folder) => {
    Deno.writeTextFileSync(join(folder, "libllama-common.so"), "");
    const empty = assertThrows(() => locateLibrary(folder, "linux"), ShimmyError);
    assertEquals(empty.kind, "not_found");
    assertEquals(empty.message, "Cannot open libllama: the folder does not contain it");
    assertEquals(empty.detail, `${folder}: no file named like libllama.so`);
    const absent = assertThrows(() => locateLibrary(join(folder, "x"), "linux"), ShimmyError);
    assertEquals(absent.kind, "not_found");
    assertEquals(absent.detail, join(folder, "x"));
  });
});

Deno.test("libmtmd is found beside libllama, of the same variant, and is not required", async () => {
  const mediaOf = async (os: typeof Deno.build.os, names: readonly string[]) => {
    let found: string | null = null;
    await withFolder((folder) => {
      for (const name of names) Deno.writeTextFileSync(join(folder, name), "");
      found = locateMediaLibrary(folder, os);
    });
    return found === null ? null : basename(found);
  };
  assertEquals(await mediaOf("linux", ["libllama.v0.5.0.so", "libmtmd.so"]), "libmtmd.so");
  assertEquals(await mediaOf("linux", ["libllama.so.0", "libmtmd.so.0"]), "libmtmd.so.0");
  assertEquals(await mediaOf("darwin", ["libllama.0.dylib", "libmtmd.0.dylib"]), "libmtmd.0.dylib");
  assertEquals(await mediaOf("windows", ["llama.dll", "mtmd.dll"]), "mtmd.dll");
  assertEquals(await mediaOf("linux", ["libllama.so", "libmtmd-extra.so"]), null);
});
