import { join } from "node:path";
import { readTar } from "./tar.ts";
import { libraryName } from "./library_name.ts";

/** Unpacks the libraries of a `.tar.gz`; see `unpackLibraries`. */
export async function unpackTar(archive: string, into: string): Promise<void> {
  const links = new Map<string, string>();
  const file = await Deno.open(archive);
  const plain = file.readable.pipeThrough(new DecompressionStream("gzip"));
  for await (const { name, type, target, body } of readTar(plain)) {
    const libraryFile = libraryName(name);
    if (libraryFile === null) continue;
    if (type === "link") links.set(libraryFile, target);
    if (type === "file") await Deno.writeFile(join(into, libraryFile), ReadableStream.from(body));
  }
  await renameToLinks(into, links);
}

/**
 * A library `libx.so.0.5.0` has the links `libx.so` and `libx.so.0`. Other libraries load the name
 * with a single number. The file gets this name, so no links are needed.
 */
async function renameToLinks(folder: string, links: ReadonlyMap<string, string>): Promise<void> {
  const single = /^[^.]+(?:\.so\.\d+|\.\d+\.dylib)$/;
  for (const [name, target] of links) {
    if (!single.test(name)) continue;
    const file = libraryName(target);
    if (file === null || links.has(file)) continue;
    await Deno.rename(join(folder, file), join(folder, name));
  }
}
