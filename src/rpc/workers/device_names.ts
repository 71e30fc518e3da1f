import type { Worker } from "./probe.ts";

/** A device of a worker. */
export interface WorkerDevice {
  /** The name that ggml gives it: `RPC0`, counted over all workers in their order. */
  readonly name: string;
  readonly worker: Worker;
  /** Index among the devices of its worker. */
  readonly index: number;
}

/** The devices of workers under the names that ggml gives them. */
export function workerDevices(workers: readonly Worker[]): readonly WorkerDevice[] {
  return workers
    .flatMap((worker) => worker.devices.map((_, index) => ({ worker, index })))
    .map((device, number) => ({ ...device, name: `RPC${number}` }));
}
