import { inflatesWithin } from "../../digest.ts";

/** Channels by colour type (PNG 2003 section 11.2.2). */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** Interlaced pictures have seven passes, whose rows begin with a byte of their own. */
const PASSES = 7;
const HEADER_BYTES = 8;
const IDAT = 0x49444154;

/**
 * Whether the compressed pixels of a PNG file have at most the size in its header. libmtmd's decoder
 * takes memory for all of them, up to two thousand times the size of the file.
 *
 * @param bytes a file with a header
 */
export async function hasPngPixels(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height] = [view.getUint32(HEADER_BYTES * 2), view.getUint32(HEADER_BYTES * 2 + 4)];
  const [depth, colour] = [view.getUint8(24), view.getUint8(25)];
  const channels = CHANNELS[colour];
  if (channels === undefined || depth > 16) return false;
  const row = Math.ceil(width * channels * depth / 8) + 1;
  const most = row * height + PASSES * (width + height + 1);
  return await inflatesWithin(pixelData(bytes, view), most);
}

/** The contents of all IDAT chunks. */
function pixelData(bytes: Uint8Array<ArrayBuffer>, view: DataView): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(bytes.length);
  let total = 0;
  for (let at = HEADER_BYTES; at + HEADER_BYTES <= bytes.length;) {
    const length = view.getUint32(at);
    if (view.getUint32(at + 4) === IDAT) {
      const part = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length);
      whole.set(part, total);
      total += part.length;
    }
    // A length, a type, the contents and a checksum.
    at += length + 12;
  }
  return whole.subarray(0, total);
}
