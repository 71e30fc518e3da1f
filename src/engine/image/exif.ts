/** Bytes that precede the TIFF file of Exif data in JPEG files, and in some WebP files. */
const EXIF = [0x45, 0x78, 0x69, 0x66, 0, 0];

/** Chunks that are searched: files of the largest size have some thousand. */
const MAX_CHUNKS = 1 << 16;

/** The Exif data in an APP1 segment of a JPEG file without its marker and its length; null for another segment. */
export function exifOfSegment(segment: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | null {
  return EXIF.every((byte, at) => segment[at] === byte) ? segment.subarray(EXIF.length) : null;
}

const PNG_CHUNKS = { start: 8, length: 0, type: 4, isLittle: false, end: 12, multiple: 1 } as const;
const WEBP_CHUNKS = { start: 12, length: 4, type: 0, isLittle: true, end: 8, multiple: 2 } as const;

/** The Exif data of a PNG file (PNG 3, section 11.3.2.5); null if there are none. */
export function exifOfPng(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | null {
  return chunkOf(bytes, 0x65584966, PNG_CHUNKS);
}

/** The Exif data of a WebP file (RFC 9649, section 2.7.1.5); null if there are none. */
export function exifOfWebp(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | null {
  const exif = chunkOf(bytes, 0x45584946, WEBP_CHUNKS);
  return exif && (exifOfSegment(exif) ?? exif);
}

/** How a file holds its chunks. */
interface ChunkLayout {
  /** Bytes before the first chunk. */
  readonly start: number;
  /** Place of the length and of the type in a chunk. */
  readonly length: number;
  readonly type: number;
  readonly isLittle: boolean;
  /** Bytes of a chunk beside its contents. */
  readonly end: number;
  /** The lengths of chunks are filled up to a multiple of this. */
  readonly multiple: number;
}

/** The contents of the first chunk of a type, as far as the file has them; null if there is none. */
function chunkOf(
  bytes: Uint8Array<ArrayBuffer>,
  type: number,
  layout: ChunkLayout,
): Uint8Array<ArrayBuffer> | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { isLittle, multiple } = layout;
  let at: number = layout.start;
  for (let count = 0; count < MAX_CHUNKS && at + 8 <= bytes.length; count++) {
    const length = view.getUint32(at + layout.length, isLittle);
    if (view.getUint32(at + layout.type) === type) return bytes.subarray(at + 8, at + 8 + length);
    at += layout.end + Math.ceil(length / multiple) * multiple;
  }
  return null;
}
