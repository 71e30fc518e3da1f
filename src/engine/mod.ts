/** The inference engine: loads a GGUF model, generates text, computes embeddings. */
export type { Engine, FlowControl, RunningSequence } from "./engine.ts";
export { iterateEvents } from "./event_queue.ts";
export { loadEngine } from "./load_engine.ts";
export { expertOverrides } from "./model/placement/mod.ts";
export { chooseShape, contextBudget, kvBytesPerToken } from "./model/sizes/mod.ts";
export { availableMemory, defaultThreads } from "./native/mod.ts";
export { collectEvents, type Sink, Transform } from "./sink.ts";
export {
  endSpare,
  ENGINE_COMMAND,
  ENGINE_MODULE,
  isMissingWorker,
  isWorkerLoss,
  NOT_RESPONDING,
  startSpare,
} from "./process/mod.ts";
