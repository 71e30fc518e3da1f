import { deserialize, serialize } from "node:v8";
import type { FromEngineCore, ToEngineCore } from "./messages.ts";

/*
 * Messages on a byte stream. A frame is the length of its body (32 bits, little-endian), one byte that
 * says what the body is, and the body.
 */

/** What a frame's body is. */
export const FRAME = {
  /** A message as JSON in UTF-8: what nearly every step of the loop sends. */
  json: 0,
  /** A message in V8's own format, for the values that JSON does not know. */
  v8: 1,
  /** No body: end the computation that is running. */
  abort: 2,
  /** No body: end the loading that is running. */
  cancelLoading: 3,
} as const;

const HEADER_BYTES = 5;
/** No message comes near this; a longer one is no message. */
const MAX_BYTES = 2 ** 30;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A message as a frame. */
export function encodeFrame(message: ToEngineCore | FromEngineCore): Uint8Array<ArrayBuffer> {
  return isPlain(message)
    ? frame(FRAME.json, encoder.encode(JSON.stringify(message)))
    : frame(FRAME.v8, serialize(message));
}

/** A frame that is a signal and carries nothing. */
export function signalFrame(kind: typeof FRAME.abort | typeof FRAME.cancelLoading) {
  return frame(kind, new Uint8Array());
}

function frame(kind: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length, true);
  bytes[4] = kind;
  bytes.set(body, HEADER_BYTES);
  return bytes;
}

/** Whether JSON keeps every value: it has no infinity, which log probabilities may be, and no arrays of floats. */
function isPlain(message: ToEngineCore | FromEngineCore): boolean {
  return message.type === "step" &&
    message.events.every(({ event }) =>
      event.type !== "prompt" && (event.type !== "token" || event.logprob === undefined)
    );
}

/** The message in a frame's body. */
export function decodeBody(kind: number, body: Uint8Array): unknown {
  if (kind === FRAME.json) return JSON.parse(decoder.decode(body));
  // Deno 2.4 reads arrays of floats from the wrong place unless the body has a buffer of its own.
  return deserialize(body.slice());
}

/** Puts frames together from the pieces in which a stream delivers them. */
export class FrameReader {
  #pending: Uint8Array = new Uint8Array();

  /**
   * Takes the next piece. A body is only valid until the next piece is taken.
   * @throws {RangeError} if what comes cannot be a frame.
   */
  *push(piece: Uint8Array): Generator<{ readonly kind: number; readonly body: Uint8Array }> {
    let bytes = piece;
    if (this.#pending.length > 0) {
      bytes = new Uint8Array(this.#pending.length + piece.length);
      bytes.set(this.#pending);
      bytes.set(piece, this.#pending.length);
    }
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const length = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0, true);
      if (length > MAX_BYTES) throw new RangeError("Cannot read a message: its length is absurd");
      const end = at + HEADER_BYTES + length;
      if (end > bytes.length) break;
      yield { kind: bytes[at + 4]!, body: bytes.subarray(at + HEADER_BYTES, end) };
      at = end;
    }
    this.#pending = bytes.slice(at);
  }
}
