/** A worker: the devices of this machine for RPC clients. */
export { serveWorkers, type ServingWorker, type WorkerOptions } from "./serve_workers.ts";
export type { ServerOptions } from "./server_process.ts";
