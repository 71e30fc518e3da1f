/** Reads headers of GGUF files: metadata and tensor statistics. */

export { type GgufHeader, type GgufValue, readHeader, reasonOf } from "./gguf.ts";
export { quantizationName } from "./tensor_types.ts";
