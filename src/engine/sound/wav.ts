import { DAMAGED, hasText, padded, type SoundFile } from "./sound_file.ts";

/** Encodings of samples: `WAVE_FORMAT_PCM` and so on of mmreg.h, and their numbers of bits. */
const ENCODINGS: Readonly<Record<number, readonly number[]>> = {
  /** PCM. */
  1: [8, 16, 24, 32],
  /** Floating point. */
  3: [32, 64],
  /** A-law and mu-law. */
  6: [8],
  7: [8],
};
/** `WAVE_FORMAT_EXTENSIBLE`: the encoding begins the sub-format. */
const EXTENSIBLE = 0xfffe;
const SUB_FORMAT = 24;

/** Chunks that are looked at for the format and the samples. */
const MAX_CHUNKS = 1000;
const RIFF_BYTES = 12;
const CHUNK_BYTES = 8;
const FORMAT_BYTES = 16;
/** All that is before the samples. */
const HEADER_BYTES = RIFF_BYTES + CHUNK_BYTES + FORMAT_BYTES + CHUNK_BYTES;

/**
 * Reads a WAV file. The result has no other chunks and a length that is true, so that the decoder cannot be
 * misled. A length beyond the end of the file, which programs write into pipes, stands for all that is there.
 *
 * Source: Multimedia Programming Interface and Data Specifications 1.0 (RIFF, WAVE), mmreg.h of Windows.
 *
 * @returns a sentence without subject for a file that cannot be read; null for other formats.
 */
export function readWav(bytes: Uint8Array): SoundFile | string | null {
  if (!hasText(bytes, 0, "RIFF") || !hasText(bytes, 8, "WAVE")) return null;
  const chunks = chunksOf(bytes);
  if (chunks === null) return DAMAGED;
  const { format, samples } = chunks;
  const view = new DataView(format.buffer, format.byteOffset, format.byteLength);
  const named = view.getUint16(0, true);
  const encoding = named === EXTENSIBLE && format.length >= SUB_FORMAT + 2
    ? view.getUint16(SUB_FORMAT, true)
    : named;
  const [channels, rate, bits] = [
    view.getUint16(2, true),
    view.getUint32(4, true),
    view.getUint16(14, true),
  ];
  if (!ENCODINGS[encoding]?.includes(bits)) {
    return `has the encoding ${encoding} with ${bits} bits; allowed are PCM with 8, 16, 24 or 32 bits, ` +
      "floating point with 32 or 64 bits, A-law and mu-law";
  }
  const frame = channels * bits / 8;
  const length = frame === 0 ? 0 : Math.floor(samples.length / frame);
  const data = samples.subarray(0, length * frame);
  return { rate, channels, length, bytes: plainFile({ encoding, channels, rate, bits }, data) };
}

interface Chunks {
  readonly format: Uint8Array;
  readonly samples: Uint8Array;
}

/** The contents of `fmt ` and `data`; null without them. */
function chunksOf(bytes: Uint8Array): Chunks | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let format: Uint8Array | null = null;
  let at = RIFF_BYTES;
  for (let count = 0; count < MAX_CHUNKS && at + CHUNK_BYTES <= bytes.length; count++) {
    const size = view.getUint32(at + 4, true);
    const content = bytes.subarray(at + CHUNK_BYTES, at + CHUNK_BYTES + size);
    if (hasText(bytes, at, "fmt ")) format = content.length < FORMAT_BYTES ? null : content;
    else if (hasText(bytes, at, "data")) return format && { format, samples: content };
    // Chunks begin at even offsets.
    at += CHUNK_BYTES + size + size % 2;
  }
  return null;
}

interface Format {
  readonly encoding: number;
  readonly channels: number;
  readonly rate: number;
  readonly bits: number;
}

function plainFile(
  { encoding, channels, rate, bits }: Format,
  samples: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const bytes = padded(HEADER_BYTES + samples.length);
  const view = new DataView(bytes.buffer);
  const frame = channels * bits / 8;
  const text = (at: number, value: string) =>
    bytes.set([...value].map((character) => character.charCodeAt(0)), at);
  text(0, "RIFF");
  view.setUint32(4, bytes.length - CHUNK_BYTES, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, FORMAT_BYTES, true);
  view.setUint16(20, encoding, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * frame, true);
  view.setUint16(32, frame, true);
  view.setUint16(34, bits, true);
  text(36, "data");
  view.setUint32(40, samples.length, true);
  bytes.set(samples, HEADER_BYTES);
  return bytes;
}
