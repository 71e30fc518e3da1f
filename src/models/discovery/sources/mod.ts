/** Sources that discovery scans for models, one file per source. */

export { baseFileSource, baseFolderSource } from "./base.ts";
export { candidateOf, defaultFolders, folderSource, splitFolders } from "./folder.ts";
export { huggingFaceCache, huggingFaceHome, huggingFaceSource } from "./huggingface.ts";
export { lmStudioSources } from "./lmstudio.ts";
export {
  MANIFEST_DEPTH,
  manifestFiles,
  MAX_MANIFEST_BYTES,
  ollamaSources,
  ollamaStore,
  storeName,
} from "./ollama.ts";
export type { Candidate, Environment, ModelSource, ScanResult } from "./source.ts";
export { walk } from "./walk.ts";
