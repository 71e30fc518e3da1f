import { join } from "node:path";
import { Unzip, UnzipInflate } from "fflate";
import { libraryName } from "./library_name.ts";

/** Unpacks the libraries of a `.zip`; see `unpackLibraries`. */
export async function unpackZip(archive: string, into: string): Promise<void> {
  const open = new Map<string, Deno.FsFile>();
  let failure: unknown;
  const unzip = new Unzip((entry) => {
    const name = libraryName(entry.name);
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
