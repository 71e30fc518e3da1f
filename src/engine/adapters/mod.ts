/** LoRA adapters and control vectors: files, loading, application to a context. */
export { Adapters, type AdapterSet } from "./adapters.ts";
