/** The header of a frame of MPEG audio: ISO/IEC 11172-3 section 2.4.1.3, and 13818-3 for lower rates. */
export interface FrameHeader {
  /** Samples a second and channel. */
  readonly rate: number;
  readonly channels: number;
  /** Samples of each channel. */
  readonly samples: number;
  /** Bytes of the frame; 0 if they are not in the header (free format). */
  readonly bytes: number;
  /** Offset of the data that follows the side information of layer III. */
  readonly dataOffset: number;
}

/** Kilobits a second by layer: MPEG-1, and the lower rates of MPEG-2. */
const BIT_RATES = {
  full: {
    1: [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    2: [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    3: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  },
  low: {
    1: [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    3: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  },
} as const;
const RATES = [44_100, 48_000, 32_000];

const HEADER_BYTES = 4;

/** Whether libmtmd's decoder takes the bytes at an offset for a header. */
export function isHeader(bytes: Uint8Array, at: number): boolean {
  if (at + HEADER_BYTES > bytes.length || bytes[at] !== 0xff) return false;
  const [version, rates] = [bytes[at + 1]!, bytes[at + 2]!];
  // Of MPEG-2.5, which has no standard, only layer III.
  const isKnown = (version & 0xf0) === 0xf0 || (version & 0xfe) === 0xe2;
  return isKnown && (version & 6) !== 0 && rates >> 4 !== 15 && (rates & 12) !== 12;
}

/** Whether a header is of the same stream as another one. */
export function isSameStream(bytes: Uint8Array, one: number, other: number): boolean {
  if (!isHeader(bytes, other)) return false;
  const [version, rates] = [
    bytes[one + 1]! ^ bytes[other + 1]!,
    bytes[one + 2]! ^ bytes[other + 2]!,
  ];
  const isFree = (at: number) => bytes[at + 2]! >> 4 === 0;
  return (version & 0xfe) === 0 && (rates & 12) === 0 && isFree(one) === isFree(other);
}

/** Reads the header at an offset, for which {@linkcode isHeader} is true. */
export function readHeader(bytes: Uint8Array, at: number): FrameHeader {
  const [version, rates, mode] = [bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!];
  const isFull = (version & 8) !== 0;
  const layer = 4 - (version >> 1 & 3) as 1 | 2 | 3;
  const rate = RATES[rates >> 2 & 3]! >> (isFull ? 0 : 1) >> ((version & 16) === 0 ? 1 : 0);
  const bitRate = BIT_RATES[isFull ? "full" : "low"][layer][rates >> 4]!;
  const samples = layer === 1 ? 384 : layer === 3 && !isFull ? 576 : 1152;
  const channels = (mode & 0xc0) === 0xc0 ? 1 : 2;
  const whole = Math.floor(samples * bitRate * 125 / rate);
  const padding = (rates & 2) === 0 ? 0 : layer === 1 ? 4 : 1;
  const side = isFull ? (channels === 1 ? 17 : 32) : channels === 1 ? 9 : 17;
  const checksum = (version & 1) === 0 ? 2 : 0;
  return {
    rate,
    channels,
    samples,
    bytes: bitRate === 0 ? 0 : (layer === 1 ? whole - whole % 4 : whole) + padding,
    dataOffset: HEADER_BYTES + checksum + side,
  };
}
