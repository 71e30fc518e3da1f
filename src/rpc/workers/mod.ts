/** RPC workers, as the program sees them that uses them: addresses, versions, devices, latency. */
export { type Endpoint, MAX_WORKERS, parseEndpoints } from "./endpoint.ts";
export { connectTcp, probeWorker, type Worker, type WorkerConnection } from "./probe.ts";
export { requireDistinct } from "./require_distinct.ts";
export { throughTunnels } from "./tunnelled.ts";
export { type WorkerDevice, workerDevices } from "./device_names.ts";
