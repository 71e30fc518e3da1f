import { type ByteStream, closeQuietly, writeAll } from "./byte_stream.ts";

/** Bytes that a relay reads at once: weights come in large pieces. */
const PIECE = 256 * 1024;

/**
 * Copies bytes between two streams in both directions until one of them ends or fails, and closes both. Never
 * throws: a broken connection is an end.
 */
export async function relay(one: ByteStream, other: ByteStream): Promise<void> {
  await Promise.race([copy(one, other), copy(other, one)]);
  closeQuietly(one);
  closeQuietly(other);
}

async function copy(from: ByteStream, to: ByteStream): Promise<void> {
  const buffer = new Uint8Array(PIECE);
  try {
    for (let count; (count = await from.read(buffer)) !== null;) {
      await writeAll(to, buffer.subarray(0, count));
    }
  } catch {
    // The other side has closed the connection.
  }
}
