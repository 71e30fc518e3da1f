/**
 * The gate for native calls, shared flags, CPU and memory figures. These modules open no library, because
 * processes load them that do not need one.
 */
export { NativeGate } from "./native_gate.ts";
export { type PromptRows, promptRowsOnCpu, ROW_GROUP } from "./row_group.ts";
export { EngineFlags } from "./shared_flags.ts";
export { availableMemory, computeThreads, defaultThreads, fileSize } from "./system.ts";
