export { baseFolderPlace, basePlace } from "./base.ts";
export { candidateOf, customaryFolders, folderPlace, splitFolders } from "./folder.ts";
export { huggingFaceCache, huggingFacePlace } from "./huggingface.ts";
export { lmStudioPlaces } from "./lmstudio.ts";
export {
  MANIFEST_DEPTH,
  manifestFiles,
  MAX_MANIFEST_BYTES,
  ollamaPlaces,
  ollamaStore,
  storeName,
} from "./ollama.ts";
export type { Candidate, Finding, Place, Surroundings } from "./source.ts";
export { walk } from "./walk.ts";
