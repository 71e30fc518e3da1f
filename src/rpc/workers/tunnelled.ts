import { secureClient, type Tunnels } from "../tunnel/mod.ts";
import type { Endpoint } from "./endpoint.ts";
import type { WorkerConnection } from "./probe.ts";

/**
 * Connects to workers through tunnels. ggml connects to the local ends of the tunnels.
 * @param key the key of the tunnels
 */
export function throughTunnels(
  tunnels: Tunnels,
  key: Uint8Array<ArrayBuffer>,
): (endpoint: Endpoint) => Promise<WorkerConnection> {
  return async (endpoint) => {
    const { hostname, port } = endpoint;
    const connection = await Deno.connect({ hostname, port });
    connection.setNoDelay(true);
    const stream = await secureClient(connection, key);
    // A worker with several names has one tunnel, so that it is known to be the same.
    const { hostname: ip } = connection.remoteAddr as Deno.NetAddr;
    return { stream, address: await tunnels.address({ hostname: ip, port }) };
  };
}
