import { messageOf, ShimmyError } from "../../errors.ts";
import { type Handler, type Listener, serveHttp } from "../../server/mod.ts";
import { type Address, formatAddress } from "../options/mod.ts";

/** Listens on the first free port. */
export function listen({ hostname, ports }: Address, handler: Handler): Listener {
  for (const port of ports) {
    try {
      return serveHttp({ hostname, port }, handler);
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
