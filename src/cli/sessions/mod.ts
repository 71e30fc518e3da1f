/** Model sessions: the registry together with libllama, load options and placement of one command. */
export { diskCacheFolder, engineCommand } from "./engine_command.ts";
export { nameOfSharedCache, sharedCacheOf } from "./shared_cache.ts";
export { downloadProgress } from "./model_session.ts";
export { requireRpcBackend } from "./rpc_backend.ts";
export { reportWorkers, type WorkerReport } from "./report_workers.ts";
export {
  MODEL_OPTIONS,
  type NamedModelRequest,
  nameOf,
  openNamedModel,
  PULL_OPTIONS,
} from "./named_session.ts";
