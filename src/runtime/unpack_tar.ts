import { join } from "@std/path";
import { createTarDecoder } from "modern-tar";
import { keptName } from "./unpack.ts";

/** Takes the libraries out of a `.tar.gz`; see `unpackLibraries`. */
export async function unpackTar(archive: string, into: string): Promise<void> {
  const links = new Map<string, string>();
  const file = await Deno.open(archive);
  const entries = file.readable
    .pipeThrough(new DecompressionStream("gzip"))
    .pipeThrough(createTarDecoder({ strict: true }));
  for await (const { header, body } of entries) {
    const name = keptName(header.name);
    if (name !== null && header.type === "symlink") links.set(name, header.linkname ?? "");
    if (name === null || header.type !== "file") await body.cancel();
    else await Deno.writeFile(join(into, name), body);
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
