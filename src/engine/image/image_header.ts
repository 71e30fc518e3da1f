import { webpPicture } from "../webp/mod.ts";
import { exifOfPng, exifOfSegment, exifOfWebp } from "./exif.ts";
import { exifOrientation, isSideways, UPRIGHT } from "./orientation.ts";

/** Format and size of an image, from the first bytes of its file. */
export interface ImageHeader {
  readonly format: "PNG" | "JPEG" | "WebP" | "GIF" | "BMP";
  /** Pixels, as the image is shown. */
  readonly width: number;
  readonly height: number;
  /** How to turn the pixels of a JPEG, PNG or WebP file, 1 to 8, as its Exif tells; absent if they are upright. */
  readonly orientation?: number;
}

/**
 * Reads format and size of an image. Null for other formats and for files that
 * end too soon. A decoder allocates memory for this size.
 *
 * Sources: PNG 2003 section 11.2.2 (IHDR), ITU T.81 B.2.2 (frame header), Exif 2.3 section 4.7.2
 * (APP1), GIF89a section 18 (logical screen),
 * BITMAPFILEHEADER and BITMAPINFOHEADER of the Windows API.
 */
export function imageHeader(bytes: Uint8Array<ArrayBuffer>): ImageHeader | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const starts = (...values: number[]) => values.every((value, at) => bytes[at] === value);
  try {
    if (starts(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) return pngHeader(view, bytes);
    if (starts(0xff, 0xd8, 0xff)) return jpegHeader(view);
    if (starts(0x52, 0x49, 0x46, 0x46)) return webpHeader(bytes);
    if (starts(0x47, 0x49, 0x46, 0x38)) return gifHeader(view);
    if (starts(0x42, 0x4d)) return bmpHeader(view);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return null;
}

const IHDR = 0x49484452;

function pngHeader(view: DataView, bytes: Uint8Array<ArrayBuffer>): ImageHeader | null {
  if (view.getUint32(12) !== IHDR) return null;
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  return shown({ format: "PNG", width, height }, exifOrientation(exifOfPng(bytes)));
}

/** The header of an image as it is shown, from that of its file. */
function shown(stored: ImageHeader, orientation: number): ImageHeader {
  if (orientation === UPRIGHT) return stored;
  const { width, height } = stored;
  const size = isSideways(orientation) ? { width: height, height: width } : {};
  return { ...stored, ...size, orientation };
}

/** Marker of a JPEG segment that may hold Exif (APP1). */
const APP1 = 0xe1;

/** Markers of JPEG frames: SOF0 to SOF15, without DHT (C4), JPG (C8) and DAC (CC). */
const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

function jpegHeader(view: DataView<ArrayBuffer>): ImageHeader | null {
  let orientation = UPRIGHT;
  for (let at = 2;;) {
    if (view.getUint8(at) !== 0xff) return null;
    while (view.getUint8(at) === 0xff) at++;
    const marker = view.getUint8(at++);
    if (isFrame(marker)) {
      const [width, height] = [view.getUint16(at + 5), view.getUint16(at + 3)];
      return shown({ format: "JPEG", width, height }, orientation);
    }
    // The first one that tells counts.
    if (marker === APP1 && orientation === UPRIGHT) {
      orientation = exifOrientation(exifOfSegment(segmentAt(view, at)));
    }
    // Markers without a segment: TEM and RST0 to SOI.
    if (marker !== 0x01 && (marker < 0xd0 || marker > 0xd8)) at += view.getUint16(at);
  }
}

/** The contents of a JPEG segment, whose length is at `at`. */
function segmentAt(view: DataView<ArrayBuffer>, at: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return whole.subarray(at + 2, at + view.getUint16(at));
}

/** Marker of a JPEG scan (SOS). */
const SCAN = 0xda;

/** The number of scans of a JPEG file, counted no further than `most` + 1. */
export function jpegScans(bytes: Uint8Array, most: number): number {
  let scans = 0;
  // A search for each byte of a file of 0xff would take fifteen times as long.
  for (let at = 0; at < bytes.length && scans <= most; at++) {
    if (bytes[at] === 0xff && bytes[at + 1] === SCAN) scans++;
  }
  return scans;
}

function webpHeader(bytes: Uint8Array<ArrayBuffer>): ImageHeader | null {
  const picture = webpPicture(bytes);
  if (picture === null) return null;
  const { width, height } = picture;
  return shown({ format: "WebP", width, height }, exifOrientation(exifOfWebp(bytes)));
}

function gifHeader(view: DataView): ImageHeader {
  return { format: "GIF", width: view.getUint16(6, true), height: view.getUint16(8, true) };
}

/** Size of the header of OS/2, whose fields have 16 bits. */
const OS2_HEADER = 12;

function bmpHeader(view: DataView): ImageHeader {
  const isOs2 = view.getUint32(14, true) === OS2_HEADER;
  const [width, height] = isOs2
    ? [view.getUint16(18, true), view.getUint16(20, true)]
    // A negative height is that of an image whose first row is the top.
    : [view.getInt32(18, true), Math.abs(view.getInt32(22, true))];
  return { format: "BMP", width, height };
}
