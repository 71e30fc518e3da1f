import { DisconnectWatcher, signalIsComplete } from "./disconnects.ts";

/** The client's end of a connection that carries one request. */
export interface ClientConnection {
  /**
   * Calls back when the client disconnects before the response begins.
   *
   * @returns A function that ends this; call it when the response begins.
   */
  onDisconnect(callback: () => void): () => void;
}

/**
 * Handles a request and always returns a response. Only the upgrade to WebSocket needs a socket.
 * `connection` is given where `request.signal` does not report every client that disconnects.
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
  const { hostname, port, tls = {} } = endpoint;
  const options = { hostname, port, onListen, ...tls };
  if (signalIsComplete(Deno.version.deno)) {
    return Deno.serve(options, (request) => handler(request));
  }
  const watcher = new DisconnectWatcher();
  const server: Deno.HttpServer<Deno.NetAddr> = Deno.serve(
    options,
    (request, info) =>
      handler(request, {
        onDisconnect(callback) {
          const connection = { remote: info.remoteAddr, localPort: server.addr.port };
          return watcher.watch(connection, callback);
        },
      }),
  );
  return {
    addr: server.addr,
    async shutdown() {
      await server.shutdown();
      await watcher[Symbol.asyncDispose]();
    },
  };
}
