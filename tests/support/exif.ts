/** Orientations of JPEG files. */
import { joined } from "./pictures.ts";

/** An APP1 segment with two Exif entries, of which the second one is the orientation. */
export function exifSegment(orientation: number, isLittle = true): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + 6 + 8 + 2 + 2 * 12 + 4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xffe1);
  view.setUint16(2, bytes.length - 2);
  bytes.set(new TextEncoder().encode("Exif"), 4);
  view.setUint16(10, isLittle ? 0x4949 : 0x4d4d);
  view.setUint16(12, 42, isLittle);
  view.setUint32(14, 8, isLittle);
  view.setUint16(18, 2, isLittle);
  for (const [index, [tag, value]] of [[0x0100, 8], [0x0112, orientation]].entries()) {
    const at = 20 + index * 12;
    view.setUint16(at, tag!, isLittle);
    view.setUint16(at + 2, 3, isLittle);
    view.setUint32(at + 4, 1, isLittle);
    view.setUint16(at + 8, value!, isLittle);
  }
  return bytes;
}

/** A JPEG file with an orientation. */
export function withOrientation(
  jpeg: Uint8Array<ArrayBuffer>,
  orientation: number,
): Uint8Array<ArrayBuffer> {
  return joined([jpeg.subarray(0, 2), exifSegment(orientation), jpeg.subarray(2)]);
}
