/** Libraries that only programs need. */
const PROGRAM_LIBRARIES = /-impl\.|llama-common/;

/**
 * File name of an archive entry that is unpacked, or `null`.
 *
 * @throws If the path is outside of the archive's folder.
 */
export function libraryName(path: string): string | null {
  const parts = path.split(/[\\/]/).filter((part) => part !== "" && part !== ".");
  if (/^[\\/]|^[a-zA-Z]:/.test(path) || parts.includes("..")) {
    throw new Error(`the archive contains a path outside of its folder: ${path}`);
  }
  const name = parts.at(-1) ?? "";
  if (name === "LICENSE") return name;
  const isLibrary = /^[\w+-][\w.+-]*\.(?:so(?:\.\d+)*|dylib|dll)$/.test(name);
  return isLibrary && !PROGRAM_LIBRARIES.test(name) ? name : null;
}
