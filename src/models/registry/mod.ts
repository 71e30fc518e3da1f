/** The model pool: resolves names, loads and unloads engines, applies the configuration. */

export { type ConfiguredModel, type ModelConfig, withAliases } from "./apply_config.ts";
export { KEEP_ALL, type LoadPolicy } from "./load_policy.ts";
export type { LoadEngine } from "./model_instance.ts";
export type { AdapterFile, ModelPool, ModelState, ModelUse } from "./pool.ts";
export { createPool, type Registry } from "./registry.ts";
