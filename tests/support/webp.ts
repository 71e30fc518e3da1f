/** WebP files made on the spot. */
import encode from "@jsquash/webp/encode.js";
import type { Painter } from "./pictures.ts";

/** A WebP file, lossless (`VP8L`) or not (`VP8 `). */
export async function webp(
  width: number,
  height: number,
  paint: Painter,
  { isLossless = true } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const data = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set([...paint(x, y), 255], 4 * (y * width + x));
  }
  const picture = { data, width, height } as ImageData;
  return new Uint8Array(await encode(picture, { lossless: isLossless ? 1 : 0 }));
}

/** An animation with the pictures of WebP files. Source: RFC 9649, section 2.7. */
export function animation(
  width: number,
  height: number,
  files: readonly Uint8Array<ArrayBuffer>[],
): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(10);
  const view = new DataView(head.buffer);
  // The flag of an animation, and the size of the canvas less one in 24 bits each.
  view.setUint8(0, 0b10);
  view.setUint16(4, width - 1, true);
  view.setUint16(7, height - 1, true);
  const frames = files.flatMap((file) => {
    const frame = new Uint8Array(16);
    const sizes = new DataView(frame.buffer);
    sizes.setUint16(6, width - 1, true);
    sizes.setUint16(9, height - 1, true);
    return [...webpChunk("ANMF", [...frame, ...file.subarray(12)])];
  });
  const body = [
    ...new TextEncoder().encode("WEBP"),
    ...webpChunk("VP8X", [...head]),
    ...webpChunk("ANIM", Array(6).fill(0)),
    ...frames,
  ];
  return new Uint8Array(webpChunk("RIFF", body));
}

/** A chunk of a WebP file. */
export function webpChunk(name: string, body: readonly number[]): number[] {
  const size = new Uint8Array(new Uint32Array([body.length]).buffer);
  return [...new TextEncoder().encode(name), ...size, ...body, ...Array(body.length % 2).fill(0)];
}
