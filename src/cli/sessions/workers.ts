/** The RPC workers of a load. Imported only when there are some. */
import { messageOf, ShimmyError } from "../../errors.ts";
import type { RpcWorker } from "../../engine/protocol/mod.ts";
import {
  type Endpoint,
  probeWorker,
  requireDistinct,
  type Worker,
  workerDevices,
} from "../../rpc/workers/mod.ts";
import type { GlobalValues } from "../options/mod.ts";
import type { LoadTarget } from "./load_options.ts";
import type { RpcTunnels } from "./rpc_tunnels.ts";
import { requireRpcBackend } from "./rpc_backend.ts";

/** What a search for workers needs. */
export interface WorkerSearch {
  readonly globals: Pick<GlobalValues, "rpc" | "rpc-fallback">;
  readonly signal?: AbortSignal | undefined;
  /** How workers are reached; absent: by TCP connections of their own. */
  readonly tunnels?: RpcTunnels | undefined;
  /** Receives a sentence for each worker that is left out. */
  readonly notify: (line: string) => void;
}

/**
 * Adds the devices of RPC workers before the devices of this machine, as llama.cpp does: then fewer tensors cross
 * the network.
 *
 * @throws {ShimmyError} `backend` if the libraries have no RPC backend, or a worker does not answer and
 * `--rpc-fallback` is not given; `invalid` if two names are those of one worker.
 */
export async function withWorkers(target: LoadTarget, search: WorkerSearch): Promise<LoadTarget> {
  requireRpcBackend(target.runtime.folder, "--rpc");
  const workers = await findWorkers(search);
  requireDistinct(workers, "--rpc");
  const names = workerDevices(workers).map(({ name }) => name);
  const rpc = workers.map(({ endpoint, address, devices }): RpcWorker => ({
    endpoint: endpoint.text,
    address,
    devices: devices.length,
  }));
  return { ...target, devices: [...names, ...target.devices], rpc };
}

async function findWorkers(search: WorkerSearch): Promise<readonly Worker[]> {
  const { globals, signal, notify, tunnels } = search;
  const probe = async (endpoint: Endpoint): Promise<Worker | null> => {
    try {
      return await probeWorker(endpoint, { signal, ...(tunnels && { connect: tunnels.connect }) });
    } catch (error) {
      const isAway = error instanceof ShimmyError && error.kind === "backend";
      if (!isAway || !globals["rpc-fallback"]) throw error;
      notify(`${messageOf(error)}; loading without it (--rpc-fallback)`);
      return null;
    }
  };
  return (await Promise.all(globals.rpc.map(probe))).filter((worker) => worker !== null);
}
