import { messageOf, ShimmyError } from "../../errors.ts";
import type { Worker } from "../../rpc/workers/mod.ts";
import type { GlobalValues } from "../options/mod.ts";

/** State of an RPC worker. */
export interface WorkerReport {
  readonly endpoint: string;
  /** Why it cannot be used, as a sentence without its full stop; null if it can. */
  readonly reason: string | null;
  /** Median time of a request and its answer, in milliseconds. */
  readonly latencyMs: number | null;
  /** Its devices under their names in a load with the workers that answer. */
  readonly devices: readonly {
    readonly name: string;
    readonly memoryFree: number;
    readonly memoryTotal: number;
  }[];
}

/**
 * Asks the workers of `--rpc`, all at once. A worker with two names is told once.
 * @throws {ShimmyError} `cancelled`
 */
export async function reportWorkers(
  { rpc, "rpc-key": key }: Pick<GlobalValues, "rpc" | "rpc-key">,
  signal: AbortSignal,
  warn: (line: string) => void,
): Promise<readonly WorkerReport[]> {
  const { probeWorker, workerDevices } = await import("../../rpc/workers/mod.ts");
  using tunnels = key === null
    ? null
    : await (await import("./rpc_tunnels.ts")).openTunnels(key, warn);
  const options = { signal, ...(tunnels && { connect: tunnels.connect }) };
  const outcomes = await Promise.all(rpc.map(async (endpoint): Promise<Worker | ShimmyError> => {
    try {
      return await probeWorker(endpoint, options);
    } catch (error) {
      if (error instanceof ShimmyError && error.kind === "backend") return error;
      throw error;
    }
  }));
  const names = new Map<string, string>();
  for (const one of outcomes) {
    if ("devices" in one && !names.has(one.address)) names.set(one.address, one.endpoint.text);
  }
  const isFirst = ({ address, endpoint }: Worker) => names.get(address) === endpoint.text;
  const devices = workerDevices(outcomes.filter((one) => "devices" in one).filter(isFirst));
  return outcomes.map((outcome, index) => {
    const endpoint = rpc[index]!.text;
    if (!("devices" in outcome)) {
      return { endpoint, reason: messageOf(outcome), latencyMs: null, devices: [] };
    }
    if (!isFirst(outcome)) {
      const reason = `It is the worker of ${names.get(outcome.address)}, and a load refuses it`;
      return { endpoint, reason, latencyMs: null, devices: [] };
    }
    return {
      endpoint,
      reason: null,
      latencyMs: outcome.latencyMs,
      devices: devices.filter(({ worker }) => worker === outcome)
        .map(({ name, index }) => ({ name, ...outcome.devices[index]! })),
    };
  });
}
