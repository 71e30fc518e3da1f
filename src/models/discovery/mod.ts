/** Finds model files in folders and in the stores of Hugging Face, Ollama and LM Studio. */

export { describe, isModel } from "./describe.ts";
export { describeFile } from "./describe_file.ts";
export { discover, modelSources, processEnvironment } from "./discover.ts";
export { chooseProjector, isProjectorName } from "./projectors.ts";
export {
  candidateOf,
  defaultFolders,
  huggingFaceCache,
  huggingFaceHome,
  MANIFEST_DEPTH,
  manifestFiles,
  MAX_MANIFEST_BYTES,
  ollamaStore,
  splitFolders,
  storeName,
  walk,
} from "./sources/mod.ts";
