/** Orientation of images that are stored as they are shown (Exif 2.32, 4.6.4 A, tag 0x0112). */
const UPRIGHT = 1;

const ORIENTATION_TAG = 0x0112;

/** The identifier of Exif data in JPEG files, which some WebP files have too. */
const EXIF = "Exif\0\0";

/**
 * How a JPEG, PNG or WebP file is to be turned before it is shown: 1 as it is, 2 to 8 turned or mirrored. A
 * browser does that; libraries that decode images for models do not.
 *
 * Sources: JPEG segments ITU T.81 B.1.1.4, PNG 3 section 11.3.2.5 (eXIf), WebP container specification.
 */
export function orientationOf(bytes: Uint8Array<ArrayBuffer>): number {
  try {
    const exif = exifOf(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    return exif === null ? UPRIGHT : orientationIn(exif);
  } catch (error) {
    // The file ends too soon.
    if (error instanceof RangeError) return UPRIGHT;
    throw error;
  }
}

function textAt(view: DataView, at: number, length: number): string {
  return String.fromCharCode(...Array.from({ length }, (_, place) => view.getUint8(at + place)));
}

/** A part of a file; what lies behind its end is left out. */
function part(view: DataView, at: number, length: number): DataView {
  return new DataView(view.buffer, view.byteOffset + at, Math.min(length, view.byteLength - at));
}

/** The Exif data of a file, a TIFF file of its own; null if there are none. */
function exifOf(view: DataView): DataView | null {
  if (view.getUint16(0) === 0xffd8) return exifOfJpeg(view);
  if (textAt(view, 1, 3) === "PNG") return exifOfPng(view);
  return textAt(view, 0, 4) === "RIFF" && textAt(view, 8, 4) === "WEBP" ? exifOfWebp(view) : null;
}

const APP1 = 0xffe1;
/** Start of scan: the pixels follow. */
const SOS = 0xffda;

function exifOfJpeg(view: DataView): DataView | null {
  for (let at = 2; view.getUint16(at) !== SOS;) {
    const length = view.getUint16(at + 2);
    if (view.getUint16(at) === APP1 && textAt(view, at + 4, EXIF.length) === EXIF) {
      return part(view, at + 4 + EXIF.length, length - 2 - EXIF.length);
    }
    // Not a marker: the file is damaged.
    if (view.getUint8(at) !== 0xff || length < 2) return null;
    at += 2 + length;
  }
  return null;
}

function exifOfPng(view: DataView): DataView | null {
  for (let at = 8; at < view.byteLength;) {
    const [length, type] = [view.getUint32(at), textAt(view, at + 4, 4)];
    if (type === "eXIf") return part(view, at + 8, length);
    // Length, type and checksum have four bytes each.
    at += 12 + length;
  }
  return null;
}

function exifOfWebp(view: DataView): DataView | null {
  for (let at = 12; at < view.byteLength;) {
    const [type, length] = [textAt(view, at, 4), view.getUint32(at + 4, true)];
    if (type === "EXIF") {
      const skipped = textAt(view, at + 8, EXIF.length) === EXIF ? EXIF.length : 0;
      return part(view, at + 8 + skipped, length - skipped);
    }
    // Chunks have even lengths.
    at += 8 + length + length % 2;
  }
  return null;
}

/** The orientation in the first directory of a TIFF file (TIFF 6.0, section 2). */
function orientationIn(tiff: DataView): number {
  const isLittle = textAt(tiff, 0, 2) === "II";
  const directory = tiff.getUint32(4, isLittle);
  const count = tiff.getUint16(directory, isLittle);
  for (let entry = 0; entry < count; entry++) {
    const at = directory + 2 + 12 * entry;
    if (tiff.getUint16(at, isLittle) !== ORIENTATION_TAG) continue;
    const value = tiff.getUint16(at + 8, isLittle);
    return value >= 1 && value <= 8 ? value : UPRIGHT;
  }
  return UPRIGHT;
}
