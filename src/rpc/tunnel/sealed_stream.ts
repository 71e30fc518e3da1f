import { type ByteStream, readExactly, writeAll } from "../streams/mod.ts";
import { TAG_BYTES } from "./cipher_state.ts";
import type { Ciphers } from "./noise.ts";

/** A message of the Noise Protocol Framework has at most this many bytes. Its length stands before it. */
const MESSAGE_BYTES = 65_535;
const LENGTH_BYTES = 2;
const TEXT_BYTES = MESSAGE_BYTES - TAG_BYTES;
/** Bytes that are read at once. */
const PIECE = 256 * 1024;

/** Reads a message with its length before it, in handshakes. */
export async function readMessage(stream: ByteStream): Promise<Uint8Array<ArrayBuffer>> {
  const length = new DataView((await readExactly(stream, LENGTH_BYTES)).buffer).getUint16(0);
  return await readExactly(stream, length);
}

/** Writes a message with its length before it. */
export async function writeMessage(
  stream: ByteStream,
  message: Uint8Array<ArrayBuffer>,
): Promise<void> {
  await writeAll(stream, framed([message]));
}

/** An encrypted connection over another one. A message that was changed or left out ends it with an error. */
export class SealedStream implements ByteStream {
  readonly #stream: ByteStream;
  readonly #ciphers: Ciphers;
  /** What was read and not decrypted yet, and how many bytes of it there are. */
  readonly #sealed = new Uint8Array(PIECE);
  #count = 0;
  /** What was decrypted and not read yet. */
  #text = new Uint8Array(0);

  constructor(stream: ByteStream, ciphers: Ciphers) {
    this.#stream = stream;
    this.#ciphers = ciphers;
  }

  async read(buffer: Uint8Array<ArrayBuffer>): Promise<number | null> {
    while (this.#text.length === 0) {
      if (this.#decryptNext()) continue;
      const count = await this.#stream.read(this.#sealed.subarray(this.#count));
      if (count === null) return null;
      this.#count += count;
    }
    const count = Math.min(buffer.length, this.#text.length);
    buffer.set(this.#text.subarray(0, count));
    this.#text = this.#text.subarray(count);
    return count;
  }

  /** Decrypts the next message. @returns false if it is not complete. */
  #decryptNext(): boolean {
    if (this.#count < LENGTH_BYTES) return false;
    const end = LENGTH_BYTES + new DataView(this.#sealed.buffer).getUint16(0);
    if (this.#count < end) return false;
    this.#text = this.#ciphers.receive.decrypt(this.#sealed.slice(LENGTH_BYTES, end));
    this.#sealed.copyWithin(0, end, this.#count);
    this.#count -= end;
    return true;
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    const messages: Uint8Array<ArrayBuffer>[] = [];
    for (let at = 0; at < bytes.length; at += TEXT_BYTES) {
      messages.push(this.#ciphers.send.encrypt(bytes.subarray(at, at + TEXT_BYTES)));
    }
    await writeAll(this.#stream, framed(messages));
    return bytes.length;
  }

  close(): void {
    this.#stream.close();
  }
}

function framed(messages: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const size = messages.reduce((sum, { length }) => sum + LENGTH_BYTES + length, 0);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const message of messages) {
    new DataView(bytes.buffer).setUint16(at, message.length);
    bytes.set(message, at + LENGTH_BYTES);
    at += LENGTH_BYTES + message.length;
  }
  return bytes;
}
