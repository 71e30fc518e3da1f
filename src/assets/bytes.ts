/**
 * How the built-in model's bytes arrive. The bundle puts its own version of this module in place of
 * this one, with the bytes inside; everything else goes through these two functions.
 */

const TINY_MODEL = new URL("./tiny/shimmy-tiny.gguf", import.meta.url);

/**
 * The path of the built-in model, when it lies on the disk as a file that a native library can open.
 * An executable's own files are visible to Deno alone.
 */
export function tinyModelPath(): URL | null {
  return TINY_MODEL.protocol === "file:" && !Deno.build.standalone ? TINY_MODEL : null;
}

/**
 * The built-in model's bytes.
 * @throws {Error} where they cannot be read or fetched.
 */
export async function tinyModelBytes(): Promise<Uint8Array<ArrayBuffer>> {
  if (TINY_MODEL.protocol === "file:") return await Deno.readFile(TINY_MODEL);
  const response = await fetch(TINY_MODEL);
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`the answer's status was ${response.status}`);
  }
  return new Uint8Array(await response.arrayBuffer());
}
