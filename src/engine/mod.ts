/** The inference engine: loads a GGUF model, generates text, computes embeddings. */
export type { Engine, RunningSequence } from "./engine.ts";
export { loadEngine } from "./load_engine.ts";
export { chooseContext, expertOverrides, kvBytesPerToken } from "./model/mod.ts";
export { availableMemory } from "./native/mod.ts";
export { ENGINE_COMMAND, ENGINE_MODULE } from "./process/mod.ts";
