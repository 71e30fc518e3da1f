import { addRpcWorker, type Library } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { RpcWorker } from "../protocol/mod.ts";

/**
 * Connects to RPC workers, so that their devices can be used by name.
 * @throws {ShimmyError} `backend` if the libraries cannot, or a worker has other devices than before.
 */
export function addWorkers(library: Library, workers: readonly RpcWorker[] = []): void {
  for (const { endpoint, address, devices } of workers) {
    const { length } = addRpcWorker(library, address);
    if (length === devices) continue;
    throw new ShimmyError(
      "backend",
      `Worker ${endpoint} has ${length} devices instead of ${devices}`,
    );
  }
}
