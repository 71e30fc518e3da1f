/**
 * Path and bytes of the built-in model, and the decoder of WebP images. A bundle replaces this module with
 * `bytes_in_bundle.ts`, which contains the bytes. All other modules use these functions.
 */

const TINY_MODEL = new URL("./tiny/shimmy-tiny.gguf", import.meta.url);

/**
 * The path of the built-in model if a native library can open it as a file. Only Deno can open the files
 * inside an executable.
 */
export function tinyModelPath(): URL | null {
  return TINY_MODEL.protocol === "file:" && !Deno.build.standalone ? TINY_MODEL : null;
}

/**
 * The built-in model's bytes.
 * @throws {Error} if they cannot be read or fetched.
 */
export async function tinyModelBytes(): Promise<Uint8Array<ArrayBuffer>> {
  if (TINY_MODEL.protocol === "file:") return await Deno.readFile(TINY_MODEL);
  const response = await fetch(TINY_MODEL);
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`the server responded with status ${response.status}`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

/** The decoder of WebP images as WebAssembly; null where its npm package has it as a file. */
export function webpDecoderBytes(): Promise<Uint8Array<ArrayBuffer> | null> {
  return Promise.resolve(null);
}
