import { messageOf, ShimmyError } from "../../errors.ts";
import { acceptAll, atMost, type ByteStream, closeQuietly, relayToServer } from "../streams/mod.ts";
import { ProcessPool } from "./process_pool.ts";
import { type ServerOptions, ServerProcess } from "./server_process.ts";

/** Connections at a time. Each has a process. */
export const MAX_CONNECTIONS = 32;

/**
 * Milliseconds for a server's process to finish the requests of a client that is gone, before it is ended. It may be
 * writing a file of the cache, which would be cut.
 */
const FINISH_MS = 5_000;

/** Options of a worker. */
export interface WorkerOptions {
  readonly hostname: string;
  readonly port: number;
  readonly server: ServerOptions;
  /** Secures a connection, or refuses it by an error. Default: the connection itself. */
  readonly secure?: (connection: Deno.TcpConn) => Promise<ByteStream>;
  /** Receives what happens, one sentence each. */
  readonly notify: (line: string) => void;
}

/** A worker that accepts connections. */
export interface ServingWorker extends AsyncDisposable {
  readonly addr: Deno.NetAddr;
}

/**
 * Serves the devices of this machine to RPC clients. Each connection is relayed to a process of its own.
 *
 * @throws {ShimmyError} `backend` if it cannot listen there, or the server's process cannot start.
 */
export async function serveWorkers(options: WorkerOptions): Promise<ServingWorker> {
  await using stack = new AsyncDisposableStack();
  const pool = stack.use(new ProcessPool(() => ServerProcess.start(options.server)));
  const listener = listen(options);
  const connections = new Map<Deno.TcpConn, Promise<void>>();
  stack.defer(async () => {
    listener.close();
    for (const connection of connections.keys()) closeQuietly(connection);
    await atMost(FINISH_MS, Promise.all(connections.values()));
  });
  await pool.prepare();
  void accept(listener, connections, pool, options);
  const owned = stack.move();
  return {
    addr: listener.addr as Deno.NetAddr,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function listen({ hostname, port }: WorkerOptions): Deno.TcpListener {
  try {
    return Deno.listen({ hostname, port });
  } catch (cause) {
    const message = `Cannot listen on ${hostname}:${port}: ${messageOf(cause)}`;
    throw new ShimmyError("backend", message, { cause });
  }
}

async function accept(
  listener: Deno.TcpListener,
  connections: Map<Deno.TcpConn, Promise<void>>,
  pool: ProcessPool,
  options: WorkerOptions,
): Promise<void> {
  for await (const connection of acceptAll(listener)) {
    if (connections.size >= MAX_CONNECTIONS) {
      connection.close();
      options.notify(`A connection was refused: there are ${MAX_CONNECTIONS} already`);
      continue;
    }
    const handling = handle(connection, pool, options).finally(() => {
      connections.delete(connection);
      closeQuietly(connection);
    });
    connections.set(connection, handling);
  }
}

async function handle(
  connection: Deno.TcpConn,
  pool: ProcessPool,
  { secure, notify }: WorkerOptions,
): Promise<void> {
  const { hostname } = connection.remoteAddr;
  try {
    connection.setNoDelay(true);
    connection.setKeepAlive(true);
    const client = secure === undefined ? connection : await secure(connection);
    const server = await pool.take();
    try {
      await relayToServer(client, await server.connect(), FINISH_MS);
    } finally {
      if (server.hasEnded) notify(`The server of a connection from ${hostname} has ended`);
      await pool.giveBack(server);
    }
  } catch (error) {
    notify(`A connection from ${hostname} was refused: ${messageOf(error)}`);
  }
}
