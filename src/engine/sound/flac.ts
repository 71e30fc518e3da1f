import { DAMAGED, hasText, paddedCopy, type SoundFile } from "./sound_file.ts";

/** Offset of the STREAMINFO block, and its length with its header. */
const STREAMINFO = 4;
const STREAMINFO_BYTES = 38;

/**
 * Reads the first block of a FLAC file (RFC 9639, section 8.2).
 *
 * @returns a sentence without subject for a file that cannot be read; null for other formats.
 */
export function readFlac(bytes: Uint8Array): SoundFile | string | null {
  if (!hasText(bytes, 0, "fLaC")) return null;
  if (bytes.length < STREAMINFO + STREAMINFO_BYTES) return DAMAGED;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [type, size] = [view.getUint8(STREAMINFO) & 0x7f, view.getUint32(STREAMINFO) & 0xffffff];
  if (type !== 0 || size !== STREAMINFO_BYTES - 4) return DAMAGED;
  // 20 bits for the rate, 3 for the channels, 5 for the size of samples, 36 for their number.
  const packed = view.getBigUint64(STREAMINFO + 4 + 10);
  const length = Number(packed & 0xfffffffffn);
  if (length === 0) return "does not tell its length, as streamed FLAC files: encode it to a file";
  return {
    rate: Number(packed >> 44n),
    channels: Number(packed >> 41n & 7n) + 1,
    length,
    bytes: paddedCopy(bytes),
  };
}
