/**
 * Unpacks the libraries of a release archive (`.tar.gz` or `.zip`) into one folder, each once and
 * with the name that other libraries load. Programs are skipped.
 *
 * @param into An empty folder.
 * @throws If the archive is damaged or names a file outside of its own folder.
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
