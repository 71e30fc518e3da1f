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
