/** A sound file that was read as far as its decoder's memory and time depend on it. */
export interface SoundFile {
  /** Samples a second and channel. */
  readonly rate: number;
  readonly channels: number;
  /** Samples of each channel, or more. */
  readonly length: number;
  /** What the decoder is to read, with {@linkcode padded} zeros behind it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What is wrong with a file that is not what it claims. */
export const DAMAGED = "cannot be decoded: its file is damaged";

/** Bytes that decoders may read behind the end of damaged files. */
const PADDING = 4096;

/** A buffer of this length, with zeros behind its end. */
export function padded(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length + PADDING).subarray(0, length);
}

/** A copy with zeros behind its end. */
export function paddedCopy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = padded(bytes.length);
  copy.set(bytes);
  return copy;
}

/** Whether bytes are these characters. */
export function hasText(bytes: Uint8Array, at: number, text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (bytes[at + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}
