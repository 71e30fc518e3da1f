/** Reads headers of GGUF files: metadata and tensor statistics. */

export { type GgufHeader, readHeader, reasonOf } from "./gguf.ts";
export type { GgufValue } from "./metadata.ts";
export { repeatedToken } from "./vocabulary.ts";
export { quantizationName } from "./tensor_types.ts";
