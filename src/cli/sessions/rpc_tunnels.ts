import { readRpcKey, Tunnels } from "../../rpc/tunnel/mod.ts";
import { type Endpoint, throughTunnels, type WorkerConnection } from "../../rpc/workers/mod.ts";

/** How the workers of `--rpc` are reached with `--rpc-key`. */
export interface RpcTunnels extends Disposable {
  readonly connect: (endpoint: Endpoint) => Promise<WorkerConnection>;
}

/**
 * Opens tunnels with the key of a file. They stay open until they are disposed.
 *
 * @throws {ShimmyError} if the file is no key.
 */
export async function openTunnels(
  path: string,
  warn: (line: string) => void,
): Promise<RpcTunnels> {
  const { bytes, warning } = await readRpcKey(path);
  if (warning !== null) warn(`warning: ${warning}`);
  const tunnels = new Tunnels(bytes);
  return {
    connect: throughTunnels(tunnels, bytes),
    [Symbol.dispose]: () => tunnels[Symbol.dispose](),
  };
}
