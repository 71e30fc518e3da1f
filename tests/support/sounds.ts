/** Sound files made on the spot. */
import { xorshift } from "../../scripts/bench/gguf_writer.ts";
import { BitWriter } from "./bits.ts";
import { joined } from "./pictures.ts";

/** The sample at a time in seconds, -1 to 1. */
export type Wave = (seconds: number) => number;

/** A chord that differs for each seed. */
export function chord(seed: number): Wave {
  return (seconds) =>
    [1, 1.5, 2.25].reduce(
      (sum, factor) => sum + Math.sin(2 * Math.PI * (180 + 70 * seed) * factor * seconds) / 5,
      0,
    );
}

export interface SoundOptions {
  readonly rate?: number;
  readonly channels?: number;
}

/** Samples of 16 bits of all channels in turn. */
function samplesOf(seconds: number, wave: Wave, { rate = 16_000, channels = 1 }: SoundOptions) {
  const frames = Math.round(seconds * rate);
  return Int16Array.from(
    { length: frames * channels },
    (_, at) => Math.round(32_000 * wave(Math.floor(at / channels) / rate)),
  );
}

/** A WAV file with samples of 16 bits. */
export function wav(
  seconds: number,
  wave: Wave,
  options: SoundOptions = {},
): Uint8Array<ArrayBuffer> {
  const samples = samplesOf(seconds, wave, options);
  return wavFile({ encoding: 1, bits: 16, ...options }, new Uint8Array(samples.buffer));
}

export interface WavFormat extends SoundOptions {
  readonly encoding: number;
  readonly bits: number;
  /** Chunks before the samples. */
  readonly before?: readonly Uint8Array[];
  /** What the file says of the length of the samples in bytes. */
  readonly claimed?: number;
}

/** A WAV file (RIFF) with these samples. */
export function wavFile(
  { encoding, bits, rate = 16_000, channels = 1, before = [], claimed }: WavFormat,
  samples: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const frame = channels * bits / 8;
  const format = new DataView(new ArrayBuffer(16));
  format.setUint16(0, encoding, true);
  format.setUint16(2, channels, true);
  format.setUint32(4, rate, true);
  format.setUint32(8, rate * frame, true);
  format.setUint16(12, frame, true);
  format.setUint16(14, bits, true);
  const body = joined([
    text("WAVE"),
    chunk("fmt ", new Uint8Array(format.buffer)),
    ...before,
    chunk("data", samples, claimed),
  ]);
  return chunk("RIFF", body);
}

/** A chunk of a RIFF file. */
export function chunk(
  name: string,
  content: Uint8Array,
  claimed = content.length,
): Uint8Array<ArrayBuffer> {
  const size = new DataView(new ArrayBuffer(4));
  size.setUint32(0, claimed, true);
  return joined([text(name), new Uint8Array(size.buffer), content]);
}

/** Samples of a block of a FLAC file. */
const BLOCK = 4096;

/** A FLAC file (RFC 9639) with samples of 16 bits, which are stored as they are. */
export function flac(
  seconds: number,
  wave: Wave,
  { rate = 16_000, channels = 1 }: SoundOptions = {},
): Uint8Array<ArrayBuffer> {
  const samples = samplesOf(seconds, wave, { rate, channels });
  const frames = samples.length / channels;
  const head = new BitWriter().write(0x664c6143, 32);
  // The last block of metadata, of type 0, with 34 bytes.
  head.write(0x80, 8).write(34, 24).write(BLOCK, 16).write(BLOCK, 16).write(0, 24).write(0, 24)
    .write(rate, 20).write(channels - 1, 3).write(15, 5).write(frames, 36).fill(42);
  const parts = [head.bytes];
  for (let at = 0; at * BLOCK < frames; at++) {
    parts.push(
      flacFrame(
        at,
        channels,
        samples.subarray(at * BLOCK * channels).subarray(0, BLOCK * channels),
      ),
    );
  }
  return joined(parts);
}

function flacFrame(number: number, channels: number, samples: Int16Array): Uint8Array<ArrayBuffer> {
  const length = samples.length / channels;
  const head = new BitWriter().write(0xfff8, 16);
  // Block size in 16 bits, rate of the stream; channels, 16 bits a sample.
  head.write(0x70, 8).write((channels - 1) << 4 | 8, 8).write(number, 8).write(length - 1, 16);
  head.write(checksum(head.bytes, 8, 0x07), 8);
  for (let channel = 0; channel < channels; channel++) {
    head.write(0x02, 8);
    for (let at = channel; at < samples.length; at += channels) head.write(samples[at]!, 16);
  }
  return head.write(checksum(head.bytes, 16, 0x8005), 16).bytes;
}

/** A cyclic redundancy check without reflection that begins with 0. */
function checksum(bytes: Uint8Array, bits: 8 | 16, polynomial: number): number {
  const [top, mask] = [1 << (bits - 1), (1 << bits) - 1];
  let sum = 0;
  for (const byte of bytes) {
    sum ^= byte << (bits - 8);
    for (let bit = 0; bit < 8; bit++) sum = (sum & top ? sum << 1 ^ polynomial : sum << 1) & mask;
  }
  return sum;
}

/** Bytes of a frame with 44,100 samples a second and 64 kilobits. */
const FRAME = 208;
const FRAME_SAMPLES = 1152;
const MP3_RATE = 44_100;

/** Options of {@linkcode mp3}. */
export interface Mp3Options {
  /** The number of frames that the first one claims (Xing). */
  readonly claimed?: number;
}

/** An MP3 file with noise in one channel: ISO/IEC 11172-3, layer III. */
export function mp3(
  seconds: number,
  seed: number,
  { claimed }: Mp3Options = {},
): Uint8Array<ArrayBuffer> {
  const random = xorshift(seed);
  const frames = Math.ceil(seconds * MP3_RATE / FRAME_SAMPLES);
  const parts = Array.from({ length: frames }, () => mp3Frame(random));
  if (claimed !== undefined) parts.unshift(xingFrame(claimed));
  return joined(parts);
}

function frameHead(): BitWriter {
  // MPEG-1, layer III, no checksum, 64 kilobits, 44,100 samples, one channel.
  return new BitWriter().write(0xfffb50c4, 32);
}

function mp3Frame(random: () => number): Uint8Array<ArrayBuffer> {
  const frame = frameHead().write(0, 9 + 5 + 4);
  const bits = 8 * (FRAME - 21) / 2;
  for (let granule = 0; granule < 2; granule++) {
    // Lengths of the data and of its large values, gain, and table 1 for three regions.
    frame.write(bits, 12).write(20, 9).write(180, 8).write(0, 4).write(0, 1)
      .write(1 << 10 | 1 << 5 | 1, 15).write(7, 4).write(7, 3).write(0, 3);
  }
  while (frame.length < FRAME) frame.write(random() & 255, 8);
  return frame.bytes;
}

function xingFrame(claimed: number): Uint8Array<ArrayBuffer> {
  return frameHead().fill(21).write(0x58696e67, 32).write(1, 32).write(claimed, 32).fill(FRAME)
    .bytes;
}

/** A tag before a sound (ID3v2.4) with this many bytes of content. */
export function id3(length: number): Uint8Array<ArrayBuffer> {
  const tag = new BitWriter().write(0x49443304, 32).write(0, 16);
  for (const shift of [21, 14, 7, 0]) tag.write(length >> shift & 127, 8);
  return tag.fill(10 + length).bytes;
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
