import { crc32 } from "../../digest.ts";
import type { NamedTokens } from "./row_names.ts";
import { isStateHead, type StateHead, type StateOrigin } from "./state_head.ts";
import { markTokens, tokenBytes } from "./token_marks.ts";

const MAGIC = new TextEncoder().encode("SHIMMYS5");
/** Bytes before the head: magic, length of the head, CRC-32 of the head. */
export const PREAMBLE = MAGIC.length + 8;
const TRAILER = 4;
/** Bytes that are checksummed and written at once: one piece holds up the thread for about a millisecond. */
const PIECE = 8 * 2 ** 20;

/** State of a sequence at an earlier position. */
export interface StoredCheckpoint {
  readonly position: number;
  readonly state: Uint8Array<ArrayBuffer>;
}

/** Tokens of a sequence, and its KV cache state after them. In files, media files have names: see `RowNames`. */
export interface StoredState extends NamedTokens {
  readonly state: Uint8Array<ArrayBuffer>;
  /** By ascending position. */
  readonly checkpoints: readonly StoredCheckpoint[];
  /** Version of a session; absent in other states. See `SessionStore`. */
  readonly savedAt?: number;
}

/** A file is truncated or has other bytes than were written. */
export class DamagedStateFile extends Error {}

/**
 * Returns the bytes of a file in pieces, the checksum last.
 *
 * Format: magic, length of the head, CRC-32 of the head, head as JSON, tokens, checkpoints, state, CRC-32 of
 * tokens, checkpoints and state. Numbers outside the head have 32 bits, little-endian.
 */
export function* statePieces(stored: StoredState, origin: StateOrigin): Generator<Uint8Array> {
  const { tokens, state, checkpoints } = stored;
  yield encodeHead(headOf(stored, origin));
  let checksum = 0;
  for (const part of [tokenBytes(tokens), ...checkpoints.map((one) => one.state), state]) {
    for (let at = 0; at < part.length; at += PIECE) {
      const piece = part.subarray(at, at + PIECE);
      checksum = crc32(piece, checksum);
      yield piece;
    }
  }
  yield uint32(checksum);
}

/** Bytes of a file. */
export function sizeOfState(stored: StoredState, origin: StateOrigin): number {
  const { tokens, state, checkpoints } = stored;
  return encodeHead(headOf(stored, origin)).length + tokens.length * 4 + state.length +
    checkpoints.reduce((sum, one) => sum + one.state.length, TRAILER);
}

function headOf(
  { tokens, state, checkpoints, media, savedAt }: StoredState,
  { fingerprint, scope }: StateOrigin,
): StateHead {
  return {
    fingerprint,
    scope,
    marks: markTokens(tokens, scope, checkpoints.map(({ position }) => position)),
    checkpointBytes: checkpoints.map((one) => one.state.length),
    stateBytes: state.length,
    ...(media === undefined ? {} : { media }),
    ...(savedAt === undefined ? {} : { savedAt }),
  };
}

function encodeHead(head: StateHead): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(head));
  const bytes = new Uint8Array(PREAMBLE + json.length);
  bytes.set(MAGIC);
  bytes.set(uint32(json.length), MAGIC.length);
  bytes.set(uint32(crc32(json)), MAGIC.length + 4);
  bytes.set(json, PREAMBLE);
  return bytes;
}

/**
 * The length of a file's head.
 * @param bytes at least the first `PREAMBLE` bytes of the file
 * @throws {DamagedStateFile} if these are not the first bytes of such a file.
 */
export function headLength(bytes: Uint8Array): number {
  if (bytes.length < PREAMBLE || MAGIC.some((byte, at) => bytes[at] !== byte)) {
    throw new DamagedStateFile("Not a file with a saved state");
  }
  return uint32At(bytes, MAGIC.length);
}

/**
 * Reads the head of a file.
 * @param bytes the beginning of the file with the whole head
 * @throws {DamagedStateFile}
 */
export function decodeHead(bytes: Uint8Array): StateHead {
  const end = PREAMBLE + headLength(bytes);
  const json = bytes.subarray(PREAMBLE, end);
  if (bytes.length < end || crc32(json) !== uint32At(bytes, MAGIC.length + 4)) {
    throw new DamagedStateFile("The head of the file is damaged");
  }
  const head = parseHead(new TextDecoder().decode(json));
  if (!isStateHead(head)) throw new DamagedStateFile("The head of the file is malformed");
  return head;
}

/** @returns undefined for a text that is not JSON. */
function parseHead(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/**
 * Reads a whole file. The state shares the memory of `bytes`.
 * @returns null if the file has another origin.
 * @throws {DamagedStateFile}
 */
export function decodeState(
  bytes: Uint8Array<ArrayBuffer>,
  { fingerprint, scope }: StateOrigin,
): StoredState | null {
  const head = decodeHead(bytes);
  const { marks, checkpointBytes, stateBytes, media, savedAt } = head;
  let at = PREAMBLE + headLength(bytes);
  const end = checkpointBytes.reduce((sum, size) => sum + size, at + marks.length * 4 + stateBytes);
  if (bytes.length !== end + TRAILER) {
    throw new DamagedStateFile(
      `The file has ${bytes.length} of ${end + TRAILER} bytes`,
    );
  }
  if (crc32(bytes.subarray(at, end)) !== uint32At(bytes, end)) {
    throw new DamagedStateFile("The checksum of the file does not match");
  }
  if (head.fingerprint !== fingerprint || head.scope !== scope) return null;
  const take = (size: number) => bytes.subarray(at, at += size);
  const tokens = [...new Int32Array(take(marks.length * 4).slice().buffer)];
  const checkpoints = checkpointBytes.map((size, index) => ({
    position: marks.checkpoints[index]![0],
    state: take(size),
  }));
  const stored = { tokens, checkpoints, state: take(stateBytes) };
  return {
    ...stored,
    ...(media === undefined ? {} : { media }),
    ...(savedAt === undefined ? {} : { savedAt }),
  };
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function uint32At(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
}
