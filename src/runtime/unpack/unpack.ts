/**
 * Takes the libraries out of a release archive (`.tar.gz` or `.zip`), each once and under the name by
 * which the others look for it, without the archive's folders; programs are left behind.
 *
 * @param into an empty folder
 * @throws where the archive is broken or names a file outside of its own folder
 */
export async function unpackLibraries(archive: string, into: string): Promise<void> {
  if (archive.endsWith(".zip")) {
    const { unpackZip } = await import("./unpack_zip.ts");
    await unpackZip(archive, into);
  } else {
    const { unpackTar } = await import("./unpack_tar.ts");
    await unpackTar(archive, into);
  }
}
