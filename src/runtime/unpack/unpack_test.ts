import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "node:path";
import { zipSync } from "fflate";
import { tarGz, temporaryFolder } from "../testing.ts";
import { libraryName } from "./library_name.ts";
import { unpackLibraries } from "./unpack.ts";

async function unpack(name: string, bytes: Uint8Array): Promise<Record<string, string>> {
  using folder = temporaryFolder();
  const archive = join(folder.path, name);
  const into = join(folder.path, "into");
  Deno.mkdirSync(into);
  Deno.writeFileSync(archive, bytes);
  await unpackLibraries(archive, into);
  const files = [...Deno.readDirSync(into)].sort((a, b) => a.name < b.name ? -1 : 1);
  return Object.fromEntries(
    files.map((file) => [file.name, Deno.readTextFileSync(join(into, file.name))]),
  );
}

Deno.test("libraries are unpacked once, with the name that others load", async () => {
  const archive = await tarGz({
    "llama-b1/libllama.so": { link: "libllama.so.0" },
    "llama-b1/libllama.so.0": { link: "libllama.so.0.5.0" },
    "llama-b1/libllama.so.0.5.0": "llama",
    "llama-b1/libggml-base.0.dylib": { link: "libggml-base.0.25.1.dylib" },
    "llama-b1/libggml-base.0.25.1.dylib": "base",
    "llama-b1/libggml-cpu-haswell.so": "haswell",
    "llama-b1/LICENSE": "MIT",
  });
  assertEquals(await unpack("a.tar.gz", archive), {
    "LICENSE": "MIT",
    "libggml-base.0.dylib": "base",
    "libggml-cpu-haswell.so": "haswell",
    "libllama.so.0": "llama",
  });
});

Deno.test("a large archive with many consecutive links is unpacked", async () => {
  const noise = () => Array.from(crypto.getRandomValues(new Uint32Array(16_000)), String).join();
  const files: Record<string, string | { link: string }> = {};
  for (let index = 0; index < 4; index++) {
    files[`llama-b1/libx${index}.so.0.5.0`] = noise().repeat(10);
    files[`llama-b1/libx${index}.so.0`] = { link: `libx${index}.so.0.5.0` };
    for (const name of ["", ".9", ".9.9"]) {
      files[`llama-b1/libx${index}${name}.so`] = { link: `libx${index}.so.0` };
    }
  }
  const unpacked = await unpack("a.tar.gz", await tarGz(files));
  assertEquals(Object.keys(unpacked), [0, 1, 2, 3].map((index) => `libx${index}.so.0`));
  assertEquals(unpacked["libx3.so.0"], files["llama-b1/libx3.so.0.5.0"]);
});

Deno.test("programs and their libraries are not unpacked", async () => {
  const archive = await tarGz({
    "llama-b1/llama-server": "program",
    "llama-b1/libllama-server-impl.so": "program",
    "llama-b1/libmtmd.so.0": { link: "libmtmd.so.0.5.0" },
    "llama-b1/libmtmd.so.0.5.0": "images",
    "llama-b1/libllama-common.so.0.5.0": "programs",
    "llama-b1/libllama.so": "llama",
    "llama-b1/libggml-rpc.so": "workers",
  });
  assertEquals(await unpack("a.tar.gz", archive), {
    "libggml-rpc.so": "workers",
    "libllama.so": "llama",
    "libmtmd.so.0": "images",
  });
});

Deno.test("libraries of a zip are unpacked, deflated or stored", async () => {
  const text = (value: string) => new TextEncoder().encode(value);
  const archive = zipSync({
    "llama.dll": text("llama ".repeat(1000)),
    "ggml.dll": [text("ggml"), { level: 0 }],
    "llama-server.exe": text("program"),
    "LICENSE": text("MIT"),
  });
  assertEquals(await unpack("a.zip", archive), {
    "LICENSE": "MIT",
    "ggml.dll": "ggml",
    "llama.dll": "llama ".repeat(1000),
  });
});

Deno.test("a truncated archive is an error", async () => {
  const noise = crypto.getRandomValues(new Uint8Array(30_000));
  const zip = zipSync({ "llama.dll": noise });
  await assertRejects(() => unpack("a.zip", zip.slice(0, zip.length / 2)));
  const tar = await tarGz({ "llama-b1/libllama.so": String(noise) });
  await assertRejects(() => unpack("a.tar.gz", tar.slice(0, tar.length / 2)));
});

Deno.test("a path outside of the folder is refused", async () => {
  for (
    const path of ["../libx.so", "a/../../libx.so", "/etc/libx.so", "C:\\libx.dll", "..\\x.dll"]
  ) {
    assertThrows(() => libraryName(path), Error, "outside of its folder");
  }
  const tar = await tarGz({ "../../libllama.so": "evil" });
  await assertRejects(() => unpack("a.tar.gz", tar), Error, "outside of its folder");
  const zip = zipSync({ "../../llama.dll": new Uint8Array(3) });
  await assertRejects(() => unpack("a.zip", zip), Error, "outside of its folder");
});

Deno.test("a link outside of the folder is refused", async () => {
  const tar = await tarGz({ "llama-b1/libllama.so.0": { link: "../../../etc/libc.so" } });
  await assertRejects(() => unpack("a.tar.gz", tar), Error, "outside of its folder");
});
