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

/** A connection to a server. `Deno.TcpConn` is one. */
export interface ServerStream extends ByteStream {
  /** Tells the server that no more requests come. */
  closeWrite(): Promise<void>;
}

/**
 * Copies bytes between a client and a server until one of them ends or fails. The server then has time to finish
 * the requests that it has, and to close its end. Never throws.
 *
 * @param patienceMs milliseconds of that time
 */
export async function relayToServer(
  client: ByteStream,
  server: ServerStream,
  patienceMs: number,
): Promise<void> {
  const answers = copy(server, client);
  await Promise.race([copy(client, server), answers]);
  closeQuietly(client);
  await atMost(patienceMs, finish(server, answers));
  closeQuietly(server);
}

/** Waits until a server has closed its end. */
async function finish(server: ServerStream, answers: Promise<void>): Promise<void> {
  try {
    await server.closeWrite();
    // These end where an answer cannot be given to the client any more. Later answers are read too.
    await answers;
    const buffer = new Uint8Array(PIECE);
    while (await server.read(buffer) !== null);
  } catch {
    // The connection is broken or closed.
  }
}

/** Waits for work that never fails, but not longer than a time. */
export async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, promise]);
  clearTimeout(timer);
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
