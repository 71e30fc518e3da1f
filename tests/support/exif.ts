/** Orientations of JPEG, PNG and WebP files. */
import { joined, pngChunk } from "./pictures.ts";
import { webpChunk } from "./webp.ts";

const PREFIX = new TextEncoder().encode("Exif\0\0") as Uint8Array<ArrayBuffer>;

/** Exif data with two entries, of which the second one is the orientation. */
export function exifData(orientation: number, isLittle = true): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 + 2 + 2 * 12 + 4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, isLittle ? 0x4949 : 0x4d4d);
  view.setUint16(2, 42, isLittle);
  view.setUint32(4, 8, isLittle);
  view.setUint16(8, 2, isLittle);
  for (const [index, [tag, value]] of [[0x0100, 8], [0x0112, orientation]].entries()) {
    const at = 10 + index * 12;
    view.setUint16(at, tag!, isLittle);
    view.setUint16(at + 2, 3, isLittle);
    view.setUint32(at + 4, 1, isLittle);
    view.setUint16(at + 8, value!, isLittle);
  }
  return bytes;
}

/** Exif data as JPEG files, and some WebP files, have them. */
export function prefixedExif(orientation: number): Uint8Array<ArrayBuffer> {
  return joined([PREFIX, exifData(orientation)]);
}

/** A JPEG file with an orientation. */
export function withOrientation(
  jpeg: Uint8Array<ArrayBuffer>,
  orientation: number,
): Uint8Array<ArrayBuffer> {
  const exif = prefixedExif(orientation);
  const head = new Uint8Array([0xff, 0xe1, 0, exif.length + 2]);
  return joined([jpeg.subarray(0, 2), head, exif, jpeg.subarray(2)]);
}

/** Bytes of a PNG file before the second chunk, and those of its last chunk. */
const [PNG_HEAD, PNG_END] = [33, 12];

/** A PNG file with Exif data before its pixels, or behind them. */
export function pngWithExif(
  png: Uint8Array<ArrayBuffer>,
  exif: Uint8Array<ArrayBuffer>,
  isBehind = false,
): Uint8Array<ArrayBuffer> {
  const at = isBehind ? png.length - PNG_END : PNG_HEAD;
  return joined([png.subarray(0, at), pngChunk("eXIf", exif), png.subarray(at)]);
}

/** A WebP file with Exif data behind its picture (RFC 9649, section 2.7.1.5). */
export function webpWithExif(
  webp: Uint8Array<ArrayBuffer>,
  [width, height]: readonly [number, number],
  exif: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(10);
  const view = new DataView(head.buffer);
  // The flag of Exif data, and the size of the canvas less one in 24 bits each.
  view.setUint8(0, 0b1000);
  view.setUint16(4, width - 1, true);
  view.setUint16(7, height - 1, true);
  const body = [
    ...webp.subarray(8, 12),
    ...webpChunk("VP8X", [...head]),
    ...webp.subarray(12),
    ...webpChunk("EXIF", [...exif]),
  ];
  return new Uint8Array(webpChunk("RIFF", body));
}
