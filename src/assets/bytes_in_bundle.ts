/**
 * What stands in a bundle in place of `bytes.ts`: the built-in model's bytes are in the bundle itself.
 * `scripts/bundle.ts` puts them where the mark is, zipped and as text.
 */
import { decodeText } from "./text_bytes.ts";

const ENCODED = "@@shimmy-tiny@@";

/** There is no file: see {@linkcode tinyModelBytes}. */
export function tinyModelPath(): URL | null {
  return null;
}

/** The built-in model's bytes. */
export async function tinyModelBytes(): Promise<Uint8Array<ArrayBuffer>> {
  const zipped = decodeText(ENCODED);
  const plain = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}
