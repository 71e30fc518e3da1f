/** Model entries: facts about a model that is not loaded, names, adapters and keep-alive. */

export {
  CAPABILITIES,
  capabilitiesOf,
  type Capability,
  checkGeneratesText,
} from "./capabilities.ts";
export type {
  Discovery,
  ExampleMessage,
  Lora,
  ModelEntry,
  ModelSettings,
  OllamaLayer,
  ProjectorInput,
  SkippedFile,
  SourceKind,
} from "./entry.ts";
export { expandHome, homeFolder } from "./home_path.ts";
export {
  DEFAULT_KEEP_ALIVE,
  DURATION,
  formatKeepAlive,
  isKeepAlive,
  type KeepAlive,
  keepAliveEnd,
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
  similarName,
} from "./names.ts";
export { modelNotFound } from "./not_found.ts";
export {
  devicesJson,
  embeddingJson,
  placementJson,
  planJson,
  shapeJson,
} from "./placement_json.ts";
export { groupShards, shardSet } from "./shards.ts";
export { type Modelfile, modelfileOf, modelfileText } from "./modelfile.ts";
export { parseSize } from "./size.ts";
