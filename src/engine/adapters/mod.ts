/** LoRA adapters and control vectors: files, loading, application to a context. */
export type { AdapterCombination } from "./adapted_context.ts";
export { Adapters, type AdapterSet } from "./adapters.ts";
