import { ShimmyError } from "../../errors.ts";
import type { MediaInput } from "../protocol/mod.ts";
import { readFlac } from "./flac.ts";
import { findFrames, readMp3, samplesOf } from "./mp3.ts";
import { DAMAGED, hasText, type SoundFile } from "./sound_file.ts";
import { readWav } from "./wav.ts";

/** Maximum bytes of a sound file, as of OpenAI's API. */
export const MAX_SOUND_BYTES = 25 * 2 ** 20;

/** Maximum seconds of a sound: 110 MiB of samples at 16,000 a second. */
export const MAX_SOUND_SECONDS = 1800;

/** Rates that microphones and programs use. A resampler multiplies the samples of lower ones. */
const MIN_RATE = 1000;
const MAX_RATE = 192_000;
const MAX_CHANNELS = 8;

/** Maximum samples of all channels: the longest sound in stereo with 96,000 a second. */
const MAX_SAMPLES = MAX_SOUND_SECONDS * MAX_RATE;

/** Maximum tags before the sound. */
const MAX_TAGS = 16;
const TAG_HEADER = 10;

/**
 * Checks a sound before it is decoded. libmtmd's decoder takes memory for the length that a file claims, and
 * ends the process if there is none.
 *
 * @returns what the decoder is to read, a copy.
 * @throws {ShimmyError} `invalid` with the field for a sound that must not be decoded.
 */
export async function checkSound(sound: MediaInput): Promise<Uint8Array<ArrayBuffer>> {
  return (await readSoundFile(sound)).bytes;
}

/**
 * Reads a sound file as far as its decoder's memory and time depend on it.
 *
 * @throws {ShimmyError} `invalid` with the field for a sound that must not be decoded.
 */
export async function readSoundFile({ bytes, field }: MediaInput): Promise<SoundFile> {
  const refuse = (what: string) => soundError(field, what);
  if (bytes.length > MAX_SOUND_BYTES) {
    throw refuse(`has ${bytes.length} bytes; at most ${MAX_SOUND_BYTES} are allowed`);
  }
  const sound = await readSound(withoutTags(bytes));
  if (sound === null) throw refuse("is not a WAV, MP3 or FLAC file");
  if (typeof sound === "string") throw refuse(sound);
  const { rate, channels, length } = sound;
  if (rate < MIN_RATE || rate > MAX_RATE) {
    throw refuse(`has ${rate} samples a second; ${MIN_RATE} to ${MAX_RATE} are allowed`);
  }
  if (channels < 1 || channels > MAX_CHANNELS) {
    throw refuse(`has ${channels} channels; 1 to ${MAX_CHANNELS} are allowed`);
  }
  const seconds = Math.ceil(length / rate);
  if (seconds > MAX_SOUND_SECONDS) {
    throw refuse(`has ${seconds} seconds; at most ${MAX_SOUND_SECONDS} are allowed`);
  }
  if (length * channels > MAX_SAMPLES) {
    throw refuse(`has ${length * channels} samples; at most ${MAX_SAMPLES} are allowed`);
  }
  return sound;
}

/** The format of a sound within the limits, as OpenAI's API names it. */
export function soundFormat(bytes: Uint8Array): "wav" | "flac" | "mp3" {
  const start = withoutTags(bytes);
  if (hasText(start, 0, "RIFF")) return "wav";
  return hasText(start, 0, "fLaC") ? "flac" : "mp3";
}

/** The error of a sound. */
export function soundError(field: string, what: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: the sound ${what}`, { field });
}

/** The error of a sound that its decoder does not accept. */
export function damagedSound({ field }: Pick<MediaInput, "field">): ShimmyError {
  return soundError(field, DAMAGED);
}

async function readSound(bytes: Uint8Array): Promise<SoundFile | string | null> {
  const plain = readWav(bytes);
  if (plain !== null) return plain;
  const flac = readFlac(bytes);
  if (flac === null) return await readMp3(bytes);
  // A decoder that finds no FLAC in it looks for frames of MP3.
  const frames = await findFrames(bytes);
  if (frames === null) return flac;
  const isBounded = frames !== "damaged" && samplesOf(frames) <= MAX_SOUND_SECONDS * frames.rate;
  return isBounded ? flac : DAMAGED;
}

/** The file without tags before the sound (ID3v2, section 3.1 of its structure). */
function withoutTags(bytes: Uint8Array): Uint8Array {
  let rest = bytes;
  for (let count = 0; count < MAX_TAGS && hasText(rest, 0, "ID3"); count++) {
    if (rest.length < TAG_HEADER) break;
    // Seven bits of each byte.
    const size = rest.subarray(6, TAG_HEADER).reduce((sum, byte) => sum * 128 + (byte & 127), 0);
    const hasFooter = (rest[5]! & 16) !== 0;
    rest = rest.subarray(TAG_HEADER + size + (hasFooter ? TAG_HEADER : 0));
  }
  return rest;
}
