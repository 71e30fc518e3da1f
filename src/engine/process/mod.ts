/** Transports to the engine core in a thread or a child process, and the core itself. */
export { ChildTransport, NOT_RESPONDING } from "./child_transport.ts";
export { ENGINE_COMMAND, ENGINE_MODULE } from "./engine_program.ts";
export { type ChildCommand, endSpare, startSpare } from "./spare_process.ts";
export { explainWorkerLoss, isMissingWorker, isWorkerLoss } from "./lost_worker.ts";
export { type Transport, WorkerTransport } from "./transport.ts";
