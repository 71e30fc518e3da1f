import { join } from "@std/path";

/**
 * Takes the libraries out of a release archive (`.tar.gz` or `.zip`), each once and under the name by
 * which the others look for it, without the archive's folders; programs are left behind.
 *
 * @param into an empty folder
 * @throws where the archive is broken or names a file outside of its own folder
 */
export async function unpackLibraries(archive: string, into: string): Promise<void> {
  if (archive.endsWith(".zip")) await unpackZip(archive, into);
  else await unpackTar(archive, into);
}

/** Programs bring libraries of their own, which nothing else needs. */
const PROGRAMS = /-impl\.|mtmd|llama-common/;

/**
 * The file name of an archive's entry that is to be kept, or `null`.
 *
 * @throws where the path leads out of the archive's folder
 */
export function keptName(path: string): string | null {
  const parts = path.split(/[\\/]/).filter((part) => part !== "" && part !== ".");
  if (/^[\\/]|^[a-zA-Z]:/.test(path) || parts.includes("..")) {
    throw new Error(`the archive names a file outside of its folder: ${path}`);
  }
  const name = parts.at(-1) ?? "";
  if (name === "LICENSE") return name;
  const isLibrary = /^[\w+-][\w.+-]*\.(?:so(?:\.\d+)*|dylib|dll)$/.test(name);
  return isLibrary && !PROGRAMS.test(name) ? name : null;
}

async function unpackTar(archive: string, into: string): Promise<void> {
  const { createTarDecoder } = await import("modern-tar");
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

async function unpackZip(archive: string, into: string): Promise<void> {
  const { Unzip, UnzipInflate } = await import("fflate");
  const open = new Map<string, Deno.FsFile>();
  let failure: unknown;
  const unzip = new Unzip((entry) => {
    const name = keptName(entry.name);
    if (name === null) return;
    const file = Deno.openSync(join(into, name), { create: true, truncate: true, write: true });
    open.set(name, file);
    entry.ondata = (error, chunk, final) => {
      failure ??= error;
      for (let at = 0; !failure && at < chunk.length;) at += file.writeSync(chunk.subarray(at));
      if (final && open.delete(name)) file.close();
    };
    entry.start();
  });
  unzip.register(UnzipInflate);
  try {
    const file = await Deno.open(archive);
    for await (const chunk of file.readable) {
      unzip.push(chunk);
      if (failure) throw failure;
    }
    unzip.push(new Uint8Array(), true);
    if (failure) throw failure;
  } finally {
    for (const file of open.values()) file.close();
  }
}
