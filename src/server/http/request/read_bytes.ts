import { STATUS_CODE } from "@std/http/status";
import { HttpError } from "../errors.ts";
import type { HeldBody } from "./held_bodies.ts";
import { pause } from "./json_size.ts";

/** Bytes that are allocated and copied at once. More would hold the thread for milliseconds. */
const LARGE_BYTES = 1 << 20;

/**
 * Bytes after which the reading of a body pauses. While bodies come as fast as they are read, the runtime does
 * not look for other requests for many reads: a pause lets it become idle, and then it looks at once.
 */
const PAUSE_BYTES = 1 << 18;
/** Reads after which it pauses too, for bodies whose chunks have few bytes. */
const PAUSE_READS = 128;

/**
 * The body of a request as bytes in a buffer of their own. A large body is copied in parts, so that other
 * requests are handled meanwhile.
 *
 * @param limit Maximum size in bytes.
 * @param held Counts the bytes of a large body.
 * @throws {HttpError} 413 above the limit, without reading further.
 * @throws as `HeldBody.add` does.
 */
export async function readBytes(
  request: Request,
  limit: number,
  held: Pick<HeldBody, "add">,
): Promise<Uint8Array<ArrayBuffer>> {
  const announced = request.headers.get("content-length");
  if (Number(announced ?? 0) > limit) throw tooLarge(limit);
  if (announced !== null && Number(announced) <= LARGE_BYTES) {
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (bytes.length > limit) throw tooLarge(limit);
    return bytes;
  }
  if (request.body === null) return new Uint8Array();
  return announced === null
    ? await readUnknown(request.body, limit, held)
    : await readAnnounced(request.body, Number(announced), limit, held);
}

/** Reads a body into memory of its announced size, which the system provides as it is written. */
async function readAnnounced(
  body: ReadableStream<Uint8Array>,
  announced: number,
  limit: number,
  held: Pick<HeldBody, "add">,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = byteReader(body);
  const { bytes, length } = reader === null
    ? await readChunks(body, announced, limit, held)
    : await readInto(reader, announced, limit, held);
  return length === announced ? bytes : bytes.slice(0, length);
}

/** A reader that writes into given memory; null for a stream that has none. */
function byteReader(body: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | null {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    return null;
  }
}

/** The memory of a body, and the length of what was read into it. */
interface ReadBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly length: number;
}

/** Reads without chunks, which would be copied and then collected as garbage. */
async function readInto(
  reader: ReadableStreamBYOBReader,
  announced: number,
  limit: number,
  held: Pick<HeldBody, "add">,
): Promise<ReadBody> {
  let bytes = new Uint8Array(announced);
  let length = 0;
  const pauses = new Pauses();
  try {
    for (;;) {
      await pauses.after(length);
      // One byte more finds the end.
      const part = length < announced
        ? new Uint8Array(bytes.buffer, length, Math.min(PAUSE_BYTES, announced - length))
        : new Uint8Array(1);
      const { value, done } = await reader.read(part);
      // Each read takes the buffer, and returns its memory as another one.
      if (length < announced) bytes = new Uint8Array(value!.buffer as ArrayBuffer);
      if (done) return { bytes, length };
      // Only a request without a connection can have another size than it announces.
      if (length === announced) throw tooLarge(limit);
      held.add(value.length);
      length += value.length;
    }
  } catch (error) {
    void reader.cancel(error).catch(() => {});
    throw error;
  }
}

/** The pauses of a body that is read. */
class Pauses {
  #latest = 0;
  #reads = 0;

  /** Pauses if enough was read since the last pause. To be called for each read. */
  async after(length: number): Promise<void> {
    if (length - this.#latest < PAUSE_BYTES && ++this.#reads < PAUSE_READS) return;
    this.#latest = length;
    this.#reads = 0;
    await pause();
  }
}

async function readChunks(
  body: ReadableStream<Uint8Array>,
  announced: number,
  limit: number,
  held: Pick<HeldBody, "add">,
): Promise<ReadBody> {
  const bytes = new Uint8Array(announced);
  const pauses = new Pauses();
  let length = 0;
  for await (const chunk of body) {
    if (length + chunk.length > announced) throw tooLarge(limit);
    held.add(chunk.length);
    bytes.set(chunk, length);
    length += chunk.length;
    await pauses.after(length);
  }
  return { bytes, length };
}

/** Reads a body of unknown size into blocks: its chunks may have a byte each. */
async function readUnknown(
  body: ReadableStream<Uint8Array>,
  limit: number,
  held: Pick<HeldBody, "add">,
): Promise<Uint8Array<ArrayBuffer>> {
  const blocks = new Blocks();
  const pauses = new Pauses();
  for await (const chunk of body) {
    if (blocks.length + chunk.length > limit) throw tooLarge(limit);
    held.add(chunk.length);
    blocks.add(chunk);
    await pauses.after(blocks.length);
  }
  return await blocks.join();
}

/** Bytes of the first block of a body. Each next one has twice as many, up to `PAUSE_BYTES`. */
const FIRST_BYTES = 1 << 12;

/** Bytes in blocks, the first of which are small: most bodies are. */
class Blocks {
  length = 0;
  readonly #full: Uint8Array[] = [];
  #block = new Uint8Array(FIRST_BYTES);
  #used = 0;

  add(chunk: Uint8Array): void {
    this.length += chunk.length;
    for (let start = 0; start < chunk.length;) {
      const part = chunk.subarray(start, start + this.#block.length - this.#used);
      this.#block.set(part, this.#used);
      this.#used += part.length;
      start += part.length;
      if (this.#used < this.#block.length) continue;
      this.#full.push(this.#block);
      this.#block = new Uint8Array(Math.min(2 * this.#block.length, PAUSE_BYTES));
      this.#used = 0;
    }
  }

  /** All bytes in a buffer of their own, with a pause after each mebibyte that is copied. */
  async join(): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(this.length);
    let at = 0;
    let paused = 0;
    for (const block of this.#full) {
      bytes.set(block, at);
      at += block.length;
      if (at - paused < LARGE_BYTES) continue;
      paused = at;
      await pause();
    }
    bytes.set(this.#block.subarray(0, this.#used), at);
    return bytes;
  }
}

function tooLarge(limit: number): HttpError {
  const message =
    `Request body is larger than ${limit} bytes, the limit of this server (--max-body)`;
  return new HttpError(STATUS_CODE.ContentTooLarge, message);
}
