import { isHeader, isSameStream, readHeader } from "./mp3_header.ts";
import { DAMAGED, hasText, paddedCopy, type SoundFile } from "./sound_file.ts";

/** Longest frame of the free format that the decoder looks for. */
const MAX_FREE_FRAME = 2308;
/** Headers of the free format without a second one, each of which is looked for in {@linkcode MAX_FREE_FRAME} bytes. */
const MAX_LONE_HEADERS = 5000;
/** Bytes of other content that may be before the first frame. */
const MAX_BEFORE = 4096;
/** Bytes that are read before other work of the thread goes on. */
const PART = 1 << 20;

/** Frames that a decoder may find in a file. */
export interface Frames {
  /** Offset of the first one. */
  readonly first: number;
  readonly count: number;
  /** The lowest rate and the most samples and channels of them. */
  readonly rate: number;
  readonly samples: number;
  readonly channels: number;
  /** Offsets of the frame counts that encoders write into the first frame (Xing, Info). */
  readonly counts: readonly number[];
}

/**
 * Finds all frames that are followed by another one, the only ones that the decoder accepts: its memory and
 * time depend on their number.
 *
 * @returns null without frames; `"damaged"` if the decoder would look for them too long.
 */
export async function findFrames(bytes: Uint8Array): Promise<Frames | "damaged" | null> {
  let [first, count, lone] = [-1, 0, 0];
  let [rate, samples, channels] = [Infinity, 0, 0];
  const counts: number[] = [];
  let end = PART;
  for (let at = bytes.indexOf(0xff); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    if (at > end) {
      end = at + PART;
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    if (!isHeader(bytes, at)) continue;
    const header = readHeader(bytes, at);
    const next = header.bytes === 0 ? nextFree(bytes, at) : at + header.bytes;
    if (!isSameStream(bytes, at, next)) {
      if (header.bytes === 0 && ++lone > MAX_LONE_HEADERS) return "damaged";
      continue;
    }
    if (count++ === 0) first = at;
    rate = Math.min(rate, header.rate);
    samples = Math.max(samples, header.samples);
    channels = Math.max(channels, header.channels);
    const tag = at + header.dataOffset;
    const isTag = hasText(bytes, tag, "Xing") || hasText(bytes, tag, "Info");
    if (isTag && (bytes[tag + 7]! & 1) !== 0) counts.push(tag + 8);
  }
  return count === 0 ? null : { first, count, rate, samples, channels, counts };
}

/** The next header of a stream in the free format; -1 if there is none near by. */
function nextFree(bytes: Uint8Array, at: number): number {
  for (let next = at + 4; next < at + MAX_FREE_FRAME; next++) {
    if (bytes[next] === 0xff && isSameStream(bytes, at, next)) return next;
  }
  return -1;
}

/** Samples of each channel, or more. The last frame has none after it. */
export function samplesOf({ count, samples }: Frames): number {
  return (count + 1) * samples;
}

/**
 * Reads an MP3 file. The result begins with its first frame. Its first frame may tell how many follow; where
 * that are more than there are, the number is corrected, because the decoder takes memory for it.
 *
 * @returns a sentence without subject for a file that cannot be read; null for other formats.
 */
export async function readMp3(bytes: Uint8Array): Promise<SoundFile | string | null> {
  const frames = await findFrames(bytes);
  if (frames === "damaged") return DAMAGED;
  if (frames === null || frames.first > MAX_BEFORE) return null;
  const { first, count, rate, channels, counts } = frames;
  const copy = paddedCopy(bytes.subarray(first));
  const view = new DataView(copy.buffer);
  for (const at of counts) {
    if (at + 4 > bytes.length) continue;
    if (view.getUint32(at - first) > count + 1) view.setUint32(at - first, count);
  }
  return { rate, channels, length: samplesOf(frames), bytes: copy };
}
