/**
 * Replaces `bytes.ts` in a bundle, which contains the built-in model. `scripts/bundle.ts` replaces the
 * placeholder with the compressed bytes as text.
 */
import { decodeText } from "./text_bytes.ts";

const ENCODED = "@@shimmy-tiny@@";

/** Null: the bundle has no file of the model; see {@linkcode tinyModelBytes}. */
export function tinyModelPath(): URL | null {
  return null;
}

/** The built-in model's bytes. */
export async function tinyModelBytes(): Promise<Uint8Array<ArrayBuffer>> {
  const zipped = decodeText(ENCODED);
  const plain = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}
