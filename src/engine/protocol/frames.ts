import { deserialize, serialize } from "node:v8";
import type { FromEngineCore, ToEngineCore } from "./messages.ts";

/*
 * Framing of messages on a byte stream. A frame has a header and a body. The header is the length
 * of the body (32 bits, little-endian) and one byte for the kind of the body.
 */

/** Kinds of frame bodies. */
export const FRAME = {
  /** JSON in UTF-8. Used for nearly every step message. */
  json: 0,
  /** V8 serialization format, for values that JSON cannot represent. */
  v8: 1,
  /** No body. Abort the running computation. */
  abort: 2,
  /** No body. Cancel the running load. */
  cancelLoading: 3,
} as const;

const HEADER_BYTES = 5;
/** Upper limit of a body. No valid message is this long. */
const MAX_BYTES = 2 ** 30;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Encodes a message as a frame. */
export function encodeFrame(message: ToEngineCore | FromEngineCore): Uint8Array<ArrayBuffer> {
  return isPlain(message)
    ? frame(FRAME.json, encoder.encode(JSON.stringify(message)))
    : frame(FRAME.v8, serialize(message));
}

/** Encodes a frame without a body. */
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

/**
 * Whether JSON represents every value. Log probabilities and biases may be infinite, and results may
 * hold Float32Arrays; JSON has neither.
 */
function isPlain(message: ToEngineCore | FromEngineCore): boolean {
  return message.type === "step" &&
    message.events.every(({ event }) =>
      event.type !== "prompt" && (event.type !== "token" || event.logprob === undefined) &&
      (event.type !== "done" || event.trace === undefined)
    );
}

/** Decodes the body of a frame. */
export function decodeBody(kind: number, body: Uint8Array): unknown {
  if (kind === FRAME.json) return JSON.parse(decoder.decode(body));
  // Deno 2.4 decodes Float32Arrays at the wrong offset unless the body has its own buffer.
  return deserialize(body.slice());
}

/** Reassembles frames from the chunks of a stream. */
export class FrameReader {
  #pending: Uint8Array = new Uint8Array();

  /**
   * Adds a chunk and yields the frames that are complete. A body is valid until the next call.
   * @throws {RangeError} if the bytes are not a frame.
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
      if (length > MAX_BYTES) {
        throw new RangeError(`Cannot read frame: length ${length} exceeds ${MAX_BYTES} bytes`);
      }
      const end = at + HEADER_BYTES + length;
      if (end > bytes.length) break;
      yield { kind: bytes[at + 4]!, body: bytes.subarray(at + HEADER_BYTES, end) };
      at = end;
    }
    this.#pending = bytes.slice(at);
  }
}
