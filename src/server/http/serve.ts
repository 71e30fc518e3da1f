import { STATUS_CODE } from "@std/http/status";
import { DisconnectWatcher, signalIsComplete } from "./disconnects.ts";
import { ConnectionGuard, type ConnectionLimits } from "./request/connection_guard.ts";

/** The client's end of a connection that carries one request. */
export interface ClientConnection {
  /** Address of the client. */
  readonly address: string;
  /**
   * Calls back when the client disconnects before the response begins.
   *
   * @returns A function that ends this; call it when the response begins.
   */
  onDisconnect(callback: () => void): () => void;
  /**
   * Ends the connection, where the system has such a function: a response whose client does not read cannot
   * tell that it has ended.
   */
  end(): void;
}

/**
 * Handles a request and always returns a response. Only the upgrade to WebSocket needs a socket.
 * `connection` is absent in tests without a socket.
 */
export type Handler = (request: Request, connection?: ClientConnection) => Promise<Response>;

/** A listening server. */
export interface Listener<A = Deno.NetAddr | Deno.UnixAddr> {
  readonly addr: A;
  /** Accepts no more requests; resolves when the current ones have their responses. */
  shutdown(): Promise<void>;
}

/** An address to listen on, with TLS if there is a certificate. */
export interface TcpEndpoint {
  readonly hostname: string;
  readonly port: number;
  /** Certificate chain and private key in PEM. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly limits?: ConnectionLimits;
}

/** Where a server listens: on an address or on a Unix socket. */
export type Endpoint = TcpEndpoint | { readonly path: string };

/**
 * Serves a handler.
 *
 * @throws {Deno.errors.AddrInUse} And the other errors of `Deno.listen`; of TLS for an invalid certificate.
 */
export function serveHttp(endpoint: TcpEndpoint, handler: Handler): Listener<Deno.NetAddr>;
export function serveHttp(endpoint: Endpoint, handler: Handler): Listener;
export function serveHttp(endpoint: Endpoint, handler: Handler): Listener {
  const onListen = () => {};
  // A socket's client has no address by which its connection could be checked.
  if ("path" in endpoint) {
    const { path } = endpoint;
    return Deno.serve({ path, onListen }, (request) => handler(request)) as Listener;
  }
  const { hostname, port, tls = {}, limits = DEFAULT_LIMITS } = endpoint;
  const options = { hostname, port, onListen, ...tls };
  const watcher = signalIsComplete(Deno.version.deno) ? null : new DisconnectWatcher();
  const guard = new ConnectionGuard(limits, () => server.addr.port);
  const serve = () =>
    Deno.serve(options, (request, info) => {
      const { remoteAddr } = info;
      return guarded(guard, info, () =>
        handler(
          request,
          {
            address: remoteAddr.hostname,
            onDisconnect(callback) {
              // Where there is no watcher, the signal of the request reports every client.
              if (watcher === null) return () => {};
              const connection = { remote: remoteAddr, localPort: server.addr.port };
              return watcher.watch(connection, callback);
            },
            end: () => void guard.end(remoteAddr.port),
          },
        ));
    });
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = serve();
  } catch (error) {
    guard[Symbol.dispose]();
    throw error;
  }
  return {
    addr: server.addr,
    async shutdown() {
      guard[Symbol.dispose]();
      await server.shutdown();
      await watcher?.[Symbol.asyncDispose]();
    },
  };
}

/** Limits for servers that set none. */
const DEFAULT_LIMITS: ConnectionLimits = { idleMs: 60_000, most: 1024 };

/** Handles a request, whose connection is not idle until the whole response was sent. */
async function guarded(
  guard: ConnectionGuard,
  { remoteAddr: { port }, completed }: Deno.ServeHandlerInfo<Deno.NetAddr>,
  handle: () => Promise<Response>,
): Promise<Response> {
  guard.started(port);
  const response = await handle();
  // An upgraded connection stays with its WebSocket.
  if (response.status !== STATUS_CODE.SwitchingProtocols) {
    const ended = () => guard.ended(port);
    completed.then(ended, ended);
  }
  return response;
}
