import { messageOf, ShimmyError } from "../../errors.ts";
import { acceptAll, atMost, type ByteStream, closeQuietly, relayToServer } from "../streams/mod.ts";
import { Handshakes } from "./handshakes.ts";
import { ProcessPool } from "./process_pool.ts";
import { type ServerOptions, ServerProcess } from "./server_process.ts";

/** Connections at a time, without those that have not shown yet that they have the key. Each has a process. */
const MAX_CONNECTIONS = 32;

/** Handshakes at a time. They need no process. */
const MAX_HANDSHAKES = 64;

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
  const admission: Admission = { handshakes: new Handshakes(MAX_HANDSHAKES), admitted: new Set() };
  for await (const connection of acceptAll(listener)) {
    const handling = handle(connection, admission, pool, options).finally(() => {
      connections.delete(connection);
      admission.admitted.delete(connection);
      closeQuietly(connection);
    });
    connections.set(connection, handling);
  }
}

/** Which connections there are. */
interface Admission {
  readonly handshakes: Handshakes;
  /** Those that have a process. */
  readonly admitted: Set<Deno.TcpConn>;
}

/** @throws {Error} the reason why a connection is refused. */
async function admit(
  connection: Deno.TcpConn,
  { handshakes, admitted }: Admission,
  { secure }: WorkerOptions,
): Promise<ByteStream> {
  connection.setNoDelay(true);
  connection.setKeepAlive(true);
  const client = secure === undefined
    ? connection
    : await handshakes.run(connection, () => secure(connection));
  if (admitted.size >= MAX_CONNECTIONS) throw new Error(`there are ${MAX_CONNECTIONS} already`);
  admitted.add(connection);
  return client;
}

async function handle(
  connection: Deno.TcpConn,
  admission: Admission,
  pool: ProcessPool,
  options: WorkerOptions,
): Promise<void> {
  const { hostname } = connection.remoteAddr;
  const { notify } = options;
  try {
    const client = await admit(connection, admission, options);
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
