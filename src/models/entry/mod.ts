export { capabilitiesOf, type Capability, checkSpeaks } from "./capabilities.ts";
export type {
  Discovery,
  Lora,
  ModelEntry,
  ModelSettings,
  ModelSource,
  OllamaLayer,
  SkippedFile,
} from "./entry.ts";
export {
  DEFAULT_KEEP_ALIVE,
  DURATION,
  formatKeepAlive,
  type KeepAlive,
  parseKeepAlive,
  toKeepAlive,
} from "./keep_alive.ts";
export { adapterName, parseLora } from "./lora.ts";
export {
  findByName,
  isGgufPath,
  looksLikePath,
  modelName,
  nearestName,
  shardName,
} from "./names.ts";
export { embeddingJson, placementJson } from "./placement_json.ts";
export { gatherShards, shardSet } from "./shards.ts";
