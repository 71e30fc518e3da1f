import { type ByteStream, closeQuietly, StreamEnded } from "../streams/mod.ts";
import { Handshake } from "./noise.ts";
import { readMessage, SealedStream, writeMessage } from "./sealed_stream.ts";

/** What both sides know beside the key. Another version of the tunnel has another text. */
const PROLOGUE = new Uint8Array(new TextEncoder().encode("shimmy rpc tunnel 1"));
const NOTHING = new Uint8Array(0);
/** The client's first message shows that it has the key: a recorded handshake has none. */
const READY = new Uint8Array([1]);

/** The other side has another key, or none. */
export class KeyRefused extends Error {
  override readonly name = "KeyRefused";
}

/** Milliseconds that a client waits for a handshake. A busy worker starts it late. */
const CLIENT_MS = 10_000;
/** Milliseconds that a worker waits for a handshake: two messages, which a client sends at once. */
const SERVER_MS = 5_000;

/**
 * Encrypts the client's end of a connection.
 *
 * @throws {KeyRefused} if the server has another key, or is no tunnel.
 */
export async function secureClient(
  stream: ByteStream,
  key: Uint8Array<ArrayBuffer>,
): Promise<ByteStream> {
  return await shake(stream, "the worker", CLIENT_MS, async () => {
    const handshake = await Handshake.begin(PROLOGUE, key);
    await writeMessage(stream, await handshake.writeFirst(NOTHING));
    await handshake.readSecond(await readMessage(stream));
    const sealed = new SealedStream(stream, handshake.split(true));
    await sealed.write(READY);
    return sealed;
  });
}

/**
 * Encrypts the server's end of a connection, after the client has shown that it has the key.
 *
 * @param patienceMs milliseconds until then
 * @throws {KeyRefused} if it has not.
 */
export async function secureServer(
  stream: ByteStream,
  key: Uint8Array<ArrayBuffer>,
  patienceMs: number = SERVER_MS,
): Promise<ByteStream> {
  return await shake(stream, "the client", patienceMs, async () => {
    // A client that is silent costs no computation.
    const first = await readMessage(stream);
    const handshake = await Handshake.begin(PROLOGUE, key);
    handshake.readFirst(first);
    await writeMessage(stream, await handshake.writeSecond(NOTHING, first));
    const sealed = new SealedStream(stream, handshake.split(false));
    const ready = new Uint8Array(READY.length);
    if (await sealed.read(ready) !== READY.length) throw new StreamEnded("No message came");
    return sealed;
  });
}

async function shake(
  stream: ByteStream,
  other: string,
  patienceMs: number,
  handshake: () => Promise<ByteStream>,
): Promise<ByteStream> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    closeQuietly(stream);
  }, patienceMs);
  try {
    return await handshake();
  } catch (cause) {
    closeQuietly(stream);
    const message = isLate
      ? `${other} did not answer the handshake within ${patienceMs / 1000} s`
      : `${other} has another --rpc-key, or none`;
    throw new KeyRefused(message, { cause });
  } finally {
    clearTimeout(timer);
  }
}
