import { resolve } from "node:path";
import { fileReason, ShimmyError } from "../../errors.ts";
import { expandHome, homeFolder } from "../../models/entry/mod.ts";
import type { Environment } from "../environment/mod.ts";
import { bytes as bytesText } from "../output/mod.ts";

/**
 * Reads a file of an image or a sound, which may be a pipe.
 *
 * @param most maximum bytes of the file
 * @throws {ShimmyError} `invalid` with the reason; the caller names the file.
 */
export async function readMediaFile(
  given: string,
  most: number,
  { env }: Environment,
): Promise<Uint8Array<ArrayBuffer>> {
  const path = resolve(expandHome(given, homeFolder(env)));
  try {
    const { size, isDirectory } = await Deno.stat(path);
    if (isDirectory) throw new Error("it is a folder");
    if (size > most) {
      throw new Error(`it has ${bytesText(size)}, and at most ${bytesText(most)} are allowed`);
    }
    return await readAtMost(path, most);
  } catch (error) {
    throw new ShimmyError("invalid", fileReason(error));
  }
}

/** Reads a file whose length may not be known before: that of a pipe, or of a file that grows. */
async function readAtMost(path: string, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let total = 0;
  const { readable } = await Deno.open(path);
  for await (const part of readable) {
    total += part.length;
    if (total > most) throw new Error(`it has more than ${bytesText(most)}`);
    parts.push(part);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
