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
 * Asks the workers of `--rpc`, all at once.
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
  const devices = workerDevices(outcomes.filter((one) => "devices" in one));
  return outcomes.map((outcome, index) => {
    const endpoint = rpc[index]!.text;
    if (!("devices" in outcome)) {
      return { endpoint, reason: messageOf(outcome), latencyMs: null, devices: [] };
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
