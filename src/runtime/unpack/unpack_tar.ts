import { join } from "@std/path";
import { readTar } from "./tar.ts";
import { keptName } from "./kept_name.ts";

/** Takes the libraries out of a `.tar.gz`; see `unpackLibraries`. */
export async function unpackTar(archive: string, into: string): Promise<void> {
  const links = new Map<string, string>();
  const file = await Deno.open(archive);
  const plain = file.readable.pipeThrough(new DecompressionStream("gzip"));
  for await (const { name, type, target, body } of readTar(plain)) {
    const kept = keptName(name);
    if (kept === null) continue;
    if (type === "link") links.set(kept, target);
    if (type === "file") await Deno.writeFile(join(into, kept), ReadableStream.from(body));
  }
  await renameToLinks(into, links);
}

/**
 * A library `libx.so.0.5.0` comes with the links `libx.so` and `libx.so.0`. The others look for the one
 * with a single number, so the file takes that name and no links are needed.
 */
async function renameToLinks(folder: string, links: ReadonlyMap<string, string>): Promise<void> {
  const single = /^[^.]+(?:\.so\.\d+|\.\d+\.dylib)$/;
  for (const [name, target] of links) {
    if (!single.test(name)) continue;
    const file = keptName(target);
    if (file === null || links.has(file)) continue;
    await Deno.rename(join(folder, file), join(folder, name));
  }
}
