import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { describeFolder, installFolder, isIntact, MANIFEST } from "./install.ts";
import { temporaryFolder } from "../testing.ts";

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
const fill = (text: string) => (temporary: string) =>
  Deno.writeTextFile(join(temporary, "libx.so"), text);

Deno.test("an installed folder is complete and leaves no temporary folder", async () => {
  using root = temporaryFolder();
  const folder = join(root.path, "a", "runtime");
  await installFolder(folder, fill("library"));
  assertEquals(names(folder), ["libx.so", MANIFEST]);
  assertEquals(names(join(root.path, "a")), ["runtime"]);
  assert(await isIntact(folder));
});

Deno.test("a failure while filling leaves no folder", async () => {
  using root = temporaryFolder();
  const folder = join(root.path, "runtime");
  await assertRejects(
    () =>
      installFolder(folder, async (temporary) => {
        await fill("half")(temporary);
        throw new Error("the power went");
      }),
    Error,
    "the power went",
  );
  assertEquals(names(root.path), []);
});

Deno.test("a folder is damaged if a file is truncated, missing or changed, or without a manifest", async () => {
  using root = temporaryFolder();
  const damages: ((file: string, folder: string) => void)[] = [
    (file) => Deno.truncateSync(file, 3),
    (file) => Deno.removeSync(file),
    (file) => {
      Deno.writeTextFileSync(file, "Library");
      Deno.utimeSync(file, 1, 1);
    },
    (_, folder) => Deno.removeSync(join(folder, MANIFEST)),
    (_, folder) => Deno.writeTextFileSync(join(folder, MANIFEST), "{"),
    (_, folder) => Deno.writeTextFileSync(join(folder, MANIFEST), '{"files":[]}'),
    (_, folder) =>
      Deno.writeTextFileSync(
        join(folder, MANIFEST),
        '{"files":[{"name":"../libx.so","size":7,"sha256":""}]}',
      ),
  ];
  for (const [index, damage] of damages.entries()) {
    const folder = join(root.path, `runtime${index}`);
    await installFolder(folder, fill("library"));
    damage(join(folder, "libx.so"), folder);
    assertEquals(await isIntact(folder), false, `damage ${index}`);
    await installFolder(folder, fill("library"));
    assert(await isIntact(folder), `mended ${index}`);
  }
});

Deno.test("a copy with other times but the same bytes is intact", async () => {
  using root = temporaryFolder();
  const folder = join(root.path, "runtime");
  await installFolder(folder, fill("library"));
  Deno.utimeSync(join(folder, "libx.so"), 1, 1);
  assert(await isIntact(folder));
});

Deno.test("concurrent installs all get a complete folder", async () => {
  using root = temporaryFolder();
  const folder = join(root.path, "runtime");
  await Promise.all(["one", "two", "ten", "six"].map((text) => installFolder(folder, fill(text))));
  assert(await isIntact(folder));
  assertEquals(names(root.path), ["runtime"]);
});

Deno.test("temporary folders of crashed processes are removed after a day", async () => {
  using root = temporaryFolder();
  const old = join(root.path, "runtime.partial-old");
  const fresh = join(root.path, "runtime.partial-fresh");
  Deno.mkdirSync(old);
  Deno.mkdirSync(fresh);
  Deno.utimeSync(old, 1, 1);
  await installFolder(join(root.path, "runtime"), fill("library"));
  assertEquals(names(root.path), ["runtime", "runtime.partial-fresh"]);
});

Deno.test("a manifest has digests and omits folders and itself", async () => {
  using root = temporaryFolder();
  Deno.mkdirSync(join(root.path, "folder"));
  Deno.writeTextFileSync(join(root.path, MANIFEST), "x");
  Deno.writeTextFileSync(join(root.path, "a.so"), "abc");
  assertEquals(await describeFolder(root.path, false), {
    files: [{
      name: "a.so",
      size: 3,
      sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      modified: null,
    }],
  });
});
