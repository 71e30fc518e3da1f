/** A connection. `Deno.Conn` is one. */
export interface ByteStream {
  /** Reads into `buffer`. @returns the number of bytes, or null at the end. */
  read(buffer: Uint8Array<ArrayBuffer>): Promise<number | null>;
  /** Writes bytes. @returns the number of bytes that were written. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<number>;
  /** Ends both directions. Later reads and writes fail. */
  close(): void;
}

/** The stream ended before all bytes of a message. */
export class StreamEnded extends Error {
  override readonly name = "StreamEnded";
}

/**
 * Reads a number of bytes.
 *
 * @throws {StreamEnded} if the stream ends before.
 */
export async function readExactly(
  stream: Pick<ByteStream, "read">,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await stream.read(bytes.subarray(at));
    if (count === null) {
      throw new StreamEnded(`The connection ended after ${at} of ${length} bytes`);
    }
    at += count;
  }
  return bytes;
}

/** Writes all bytes. */
export async function writeAll(
  stream: Pick<ByteStream, "write">,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
}

/** Closes a stream that may be closed already. */
export function closeQuietly(stream: Pick<ByteStream, "close">): void {
  try {
    stream.close();
  } catch {
    // It was closed by its other direction.
  }
}
