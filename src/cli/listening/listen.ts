import { messageOf, ShimmyError } from "../../errors.ts";
import {
  type ConnectionLimits,
  type Endpoint,
  type Handler,
  type Listener,
  serveHttp,
} from "../../server/mod.ts";
import { type Address, formatAddress, type SocketPath } from "../options/mod.ts";
import { listenOnSocket } from "./unix_socket.ts";

/** Certificate and private key in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface ListenOptions {
  readonly tls?: Certificate;
  readonly limits?: ConnectionLimits;
}

/** Listens on the first free port, or on a socket. */
export function listen(
  address: Address | SocketPath,
  handler: Handler,
  options: ListenOptions = {},
): Promise<Listener> {
  return Promise.resolve().then(() =>
    "path" in address
      ? listenOnSocket(address.path, handler)
      : listenOnPort(address, handler, options)
  );
}

function listenOnPort(
  { hostname, ports }: Address,
  handler: Handler,
  options: ListenOptions,
): Listener {
  for (const port of ports) {
    const endpoint: Endpoint = { hostname, port, ...options };
    try {
      return serveHttp(endpoint, handler);
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) continue;
      const address = formatAddress(hostname, port);
      const message = `Cannot listen on ${address}: ${listenReason(error)}`;
      throw new ShimmyError("backend", message, { cause: error });
    }
  }
  const [first, last] = [ports[0], ports.at(-1)];
  const which = first === last ? `port ${first} is` : `ports ${first} to ${last} are`;
  throw new ShimmyError("backend", `Cannot listen on ${hostname}: ${which} in use`);
}

/** The reason why a socket cannot listen, as part of a sentence. */
function listenReason(error: unknown): string {
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return "this machine does not have the address";
  }
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  return messageOf(error);
}
