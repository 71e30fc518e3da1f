import { join } from "node:path";
import { SourceError } from "../ffi/source.ts";

/**
 * Path of a built backend that ggml loads: `libggml-NAME.so`, `ggml-NAME.dll` on Windows.
 *
 * @param folder folder of the built files
 * @throws {SourceError} if the file does not exist.
 */
export async function backendFile(folder: string, name: string): Promise<string> {
  const file = Deno.build.os === "windows" ? `ggml-${name}.dll` : `libggml-${name}.so`;
  const path = join(folder, file);
  if (await Deno.stat(path).then(() => true, () => false)) return path;
  throw new SourceError(`The build did not create ${file}`);
}
