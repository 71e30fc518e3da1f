/**
 * Checks that a path names a regular file. Reading from a pipe, a socket or a device can wait for
 * ever.
 *
 * @throws {Error} `not a regular file`; the errors of `Deno.stat`.
 */
export async function checkRegularFile(path: string | URL): Promise<void> {
  check(await Deno.stat(path));
}

/** Like {@linkcode checkRegularFile}. */
export function checkRegularFileSync(path: string | URL): void {
  check(Deno.statSync(path));
}

function check({ isFile, isDirectory }: Deno.FileInfo): void {
  // A directory has an error of its own when it is opened.
  if (!isFile && !isDirectory) throw new Error("not a regular file");
}
