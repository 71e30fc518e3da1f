/** Native helpers of the engine: gate, shared flags, CPU and memory figures, load failures. */
export { explainAdapterFailure, explainLoadFailure } from "./failures.ts";
export { NativeGate } from "./native_gate.ts";
export { type PromptRows, promptRowsOnCpu, ROW_GROUP } from "./row_group.ts";
export { EngineFlags } from "./shared_flags.ts";
export { availableMemory, defaultThreads, fileSize } from "./system.ts";
