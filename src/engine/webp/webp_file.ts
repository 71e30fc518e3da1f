/** The first picture of a WebP file. */
export interface WebpPicture {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** The coded picture: a `VP8 ` or `VP8L` chunk. */
  readonly chunk: Uint8Array<ArrayBuffer>;
}

/** Bytes of a name and a size. */
const HEAD = 8;
/** Bytes of a frame of an animation before its chunks. */
const FRAME_HEAD = 16;
/** Chunks that are searched. Files have a few before the picture: a header, a profile, transparency. */
const MAX_CHUNKS = 64;

/**
 * Finds the picture of a WebP file, or the first one of an animation. Transparency is left out, as of other
 * formats. Null for other files and for files without a picture.
 *
 * Sources: RFC 9649 (container and VP8L), RFC 6386 section 9.1 (frame header of VP8).
 */
export function webpPicture(bytes: Uint8Array<ArrayBuffer>): WebpPicture | null {
  if (name(bytes, 0) !== "RIFF" || name(bytes, HEAD) !== "WEBP") return null;
  return pictureIn(bytes.subarray(HEAD + 4));
}

function pictureIn(chunks: Uint8Array<ArrayBuffer>): WebpPicture | null {
  const view = new DataView(chunks.buffer, chunks.byteOffset, chunks.byteLength);
  let at = 0;
  for (let count = 0; count < MAX_CHUNKS && at + HEAD <= chunks.length; count++) {
    const size = view.getUint32(at + 4, true);
    const chunk = chunks.subarray(at, at + HEAD + size);
    const type = name(chunks, at);
    if (type === "VP8 " || type === "VP8L") return sized(chunk, type);
    if (type === "ANMF") return pictureIn(chunk.subarray(HEAD + FRAME_HEAD));
    // Chunks have an even size.
    at += HEAD + size + size % 2;
  }
  return null;
}

/** A chunk with the size in the header of its picture, which a decoder allocates memory for. */
function sized(chunk: Uint8Array<ArrayBuffer>, type: "VP8 " | "VP8L"): WebpPicture | null {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (type === "VP8L") {
    if (chunk.length < HEAD + 5 || view.getUint8(HEAD) !== 0x2f) return null;
    const bits = view.getUint32(HEAD + 1, true);
    return { width: (bits & 0x3fff) + 1, height: (bits >> 14 & 0x3fff) + 1, chunk };
  }
  if (chunk.length < HEAD + 10 || view.getUint32(HEAD + 3, true) << 8 !== START_CODE) return null;
  const size = (at: number) => view.getUint16(HEAD + at, true) & 0x3fff;
  return { width: size(6), height: size(8), chunk };
}

/** The bytes 9d 01 2a of a key frame, as the upper bytes of a number. */
const START_CODE = 0x2a019d00;

/** A file with a picture and nothing else. */
export function webpFile({ chunk }: Pick<WebpPicture, "chunk">): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(HEAD + 4 + chunk.length + chunk.length % 2);
  file.set(new TextEncoder().encode("RIFF"));
  file.set(new TextEncoder().encode("WEBP"), HEAD);
  new DataView(file.buffer).setUint32(4, file.length - HEAD, true);
  file.set(chunk, HEAD + 4);
  return file;
}

function name(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}
