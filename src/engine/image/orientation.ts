/** Orientation of an image whose first row is its top, and whose first column is its left side. */
export const UPRIGHT = 1;

const LITTLE_ENDIAN = 0x4949;
const BIG_ENDIAN = 0x4d4d;
/** Tag of the orientation, and the type of its value. */
const ORIENTATION = 0x0112;
const SHORT = 3;
const ENTRY_BYTES = 12;

/**
 * Reads the orientation in the Exif data of a file: 1 to 8, as Exif 2.3 section 4.6.4 numbers them. 1 for a
 * file without such data, for data without an orientation, and for damaged data.
 *
 * @param tiff the data, which are a TIFF file
 */
export function exifOrientation(tiff: Uint8Array<ArrayBuffer> | null): number {
  if (tiff === null) return UPRIGHT;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  try {
    const order = view.getUint16(0);
    if (order !== LITTLE_ENDIAN && order !== BIG_ENDIAN) return UPRIGHT;
    const isLittle = order === LITTLE_ENDIAN;
    const start = view.getUint32(4, isLittle);
    const count = view.getUint16(start, isLittle);
    for (let entry = 0; entry < count; entry++) {
      const at = start + 2 + entry * ENTRY_BYTES;
      if (view.getUint16(at, isLittle) !== ORIENTATION) continue;
      const value = view.getUint16(at + 8, isLittle);
      const isValue = view.getUint16(at + 2, isLittle) === SHORT && value >= 1 && value <= 8;
      return isValue ? value : UPRIGHT;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return UPRIGHT;
}

/** Whether an orientation exchanges width and height. */
export function isSideways(orientation: number): boolean {
  return orientation > 4;
}

/** Pixels of a picture, three bytes each, by rows. */
export interface Pixels {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
}

/** Pixels that are copied before other work of the thread goes on. */
const PART = 1 << 20;

/**
 * A copy of a picture as it is shown.
 *
 * @param orientation 1 to 8
 */
export async function uprightPixels(
  { data, width, height }: Pixels,
  orientation: number,
): Promise<Pixels> {
  const upright = isSideways(orientation) ? { width: height, height: width } : { width, height };
  const [right, bottom] = [width - 1, height - 1];
  // Where a pixel of the file is shown.
  const placeOf = (x: number, y: number): number => {
    const [shownX, shownY] = [
      [x, y],
      [right - x, y],
      [right - x, bottom - y],
      [x, bottom - y],
      [y, x],
      [bottom - y, x],
      [bottom - y, right - x],
      [y, right - x],
    ][orientation - 1]!;
    return shownY! * upright.width + shownX!;
  };
  const first = placeOf(0, 0);
  const [stepX, stepY] = [placeOf(1, 0) - first, placeOf(0, 1) - first];
  const shown = new Uint8Array(data.length);
  for (let y = 0, from = 0, copied = 0; y < height; y++) {
    let to = 3 * (first + y * stepY);
    for (let x = 0; x < width; x++, to += 3 * stepX) {
      shown[to] = data[from++]!;
      shown[to + 1] = data[from++]!;
      shown[to + 2] = data[from++]!;
    }
    copied += width;
    if (copied < PART) continue;
    copied = 0;
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return { ...upright, data: shown };
}
