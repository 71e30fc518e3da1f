/** A worker of ggml's RPC that answers with given bytes. */
import { acceptAll, type ByteStream, closeQuietly } from "../../src/rpc/streams/mod.ts";

/** The bytes for each request of a connection, the first being those for the first request. */
export type Answers = readonly (readonly number[] | "silence")[];

const size = (bytes: number) => [bytes, 0, 0, 0, 0, 0, 0, 0];

/** The answer of a worker with a version of the protocol. */
export const hello = (major: number, minor = 0) => [
  ...size(28),
  ...[major, minor, 9, 0],
  ...Array(24).fill(0),
];

/** The answer of a worker with a number of devices. */
export const count = (devices: number) => [...size(4), devices, 0, 0, 0];

/** Free and total memory in multiples of 65,536 bytes. */
export const memory = (free: number, total: number) => [
  ...size(16),
  ...[0, 0, free, 0, 0, 0, 0, 0],
  ...[0, 0, total, 0, 0, 0, 0, 0],
];

/**
 * Answers each request with bytes, and ends the connection when there are no more.
 *
 * @param secure secures a connection; default: the connection itself
 */
export function rpcWorker(
  answers: Answers,
  secure = (connection: Deno.TcpConn): Promise<ByteStream> => Promise.resolve(connection),
) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const accepted of acceptAll(listener)) {
      const connection = await secure(accepted);
      const buffer = new Uint8Array(1024);
      for (const answer of answers) {
        if (await connection.read(buffer) === null) break;
        if (answer !== "silence") await connection.write(new Uint8Array(answer));
      }
      if (answers.includes("silence")) await connection.read(buffer).catch(() => null);
      closeQuietly(connection);
    }
  })();
  const { port } = listener.addr;
  return {
    endpoint: { hostname: "127.0.0.1", port, text: `127.0.0.1:${port}` },
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await serving;
    },
  };
}
