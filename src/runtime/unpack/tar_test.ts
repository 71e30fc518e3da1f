import { assertEquals, assertRejects } from "@std/assert";
import { packTar, type TarEntry as PackedEntry } from "test:modern-tar";
import { readTar } from "./tar.ts";

const file = (name: string, body: string): PackedEntry => ({
  header: { name, size: new TextEncoder().encode(body).length },
  body,
});

/** Reads an archive in pieces of one size. */
async function read(archive: Uint8Array<ArrayBuffer>, piece: number): Promise<string[][]> {
  const pieces = Array.from(
    { length: Math.ceil(archive.length / piece) },
    (_, index) => archive.slice(index * piece, (index + 1) * piece),
  );
  const entries: string[][] = [];
  for await (const { name, type, target, body } of readTar(ReadableStream.from(pieces))) {
    const text = await new Response(ReadableStream.from(body)).text();
    entries.push([name, type, target, text]);
  }
  return entries;
}

Deno.test("entries are complete for any chunk sizes", async () => {
  const archive = await packTar([
    { header: { name: "a/", size: 0, type: "directory" } },
    file("a/one", "x".repeat(511)),
    file("a/two", "y".repeat(512)),
    file("a/none", ""),
    { header: { name: "a/link", size: 0, type: "symlink", linkname: "one" } },
    file("a/three", "zwölf"),
  ]);
  for (const piece of [1, 7, 512, 1000, archive.length]) {
    assertEquals(await read(archive, piece), [
      ["a/", "other", "", ""],
      ["a/one", "file", "", "x".repeat(511)],
      ["a/two", "file", "", "y".repeat(512)],
      ["a/none", "file", "", ""],
      ["a/link", "link", "one", ""],
      ["a/three", "file", "", "zwölf"],
    ]);
  }
});

Deno.test("long and non-ASCII names are read in both formats", async () => {
  const long = `${"folder/".repeat(40)}libx.so`;
  const pax: PackedEntry = {
    header: { name: "short", size: 1, pax: { path: long, comment: "größe=1" } },
    body: "p",
  };
  const gnu: PackedEntry = {
    header: { name: "././@LongLink", size: long.length + 1, type: "gnu-long-name" },
    body: `${long}\0`,
  };
  const archive = await packTar([pax, gnu, file("cut", "g"), file("after", "a")]);
  assertEquals(await read(archive, 100), [
    [long, "file", "", "p"],
    [long, "file", "", "g"],
    ["after", "file", "", "a"],
  ]);
});

Deno.test("an unread body is skipped", async () => {
  const archive = await packTar([file("one", "x".repeat(2000)), file("two", "y")]);
  const names: string[] = [];
  for await (const { name, body } of readTar(ReadableStream.from([archive]))) {
    names.push(name);
    for await (const _bytes of body) break;
  }
  assertEquals(names, ["one", "two"]);
});

Deno.test("an archive truncated at any offset is an error", async () => {
  const archive = await packTar([file("one", "x".repeat(600)), file("two", "y")]);
  for (const end of [0, 300, 512, 800, 1024, 1536, 2048]) {
    await assertRejects(() => read(archive.slice(0, end), 100), Error, "ends early");
  }
});

Deno.test("a damaged header is an error", async () => {
  const archive = await packTar([file("one", "x")]);
  archive[3] = 1;
  await assertRejects(() => read(archive, 512), Error, "the archive is damaged");
});
