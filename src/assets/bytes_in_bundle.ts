/**
 * Replaces `bytes.ts` in a bundle, which contains the built-in model and the decoder of WebP images.
 * `scripts/bundle.ts` replaces the placeholders with the compressed bytes as text.
 */
import { decodeText } from "./text_bytes.ts";

const MODEL = "@@shimmy-tiny@@";
const WEBP_DECODER = "@@webp-decoder@@";

/** Null: the bundle has no file of the model; see {@linkcode tinyModelBytes}. */
export function tinyModelPath(): URL | null {
  return null;
}

/** The built-in model's bytes. */
export async function tinyModelBytes(): Promise<Uint8Array<ArrayBuffer>> {
  return await decoded(MODEL);
}

/** The decoder of WebP images as WebAssembly. */
export async function webpDecoderBytes(): Promise<Uint8Array<ArrayBuffer> | null> {
  return await decoded(WEBP_DECODER);
}

async function decoded(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const zipped = decodeText(text);
  const plain = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}
