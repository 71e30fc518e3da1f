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
export interface Listener {
  readonly addr: Deno.NetAddr;
  /** Accepts no more requests; resolves when the current ones have their responses. */
  shutdown(): Promise<void>;
}

/**
 * Serves a handler.
 *
 * @throws {Deno.errors.AddrInUse} And the other errors of `Deno.listen`.
 */
export function serveHttp(
  { hostname, port }: { readonly hostname: string; readonly port: number },
  handler: Handler,
): Listener {
  const options = { hostname, port, onListen: () => {} };
  if (signalIsComplete(Deno.version.deno)) {
    return Deno.serve(options, (request) => handler(request));
  }
  const watcher = new DisconnectWatcher();
  const server: Listener = Deno.serve(options, (request, info) =>
    handler(request, {
      onDisconnect(callback) {
        const connection = { remote: info.remoteAddr, localPort: server.addr.port };
        return watcher.watch(connection, callback);
      },
    }));
  return {
    addr: server.addr,
    async shutdown() {
      await server.shutdown();
      await watcher[Symbol.asyncDispose]();
    },
  };
}
