export { describe, isModel } from "./describe.ts";
export { discover, placesOf, processSurroundings } from "./discover.ts";
export {
  candidateOf,
  customaryFolders,
  huggingFaceCache,
  MANIFEST_DEPTH,
  manifestFiles,
  MAX_MANIFEST_BYTES,
  ollamaStore,
  storeName,
  walk,
} from "./sources/mod.ts";
