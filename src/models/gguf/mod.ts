export { type GgufHead, type GgufValue, readHead, reasonOf } from "./gguf.ts";
export { quantizationName } from "./tensor_types.ts";
