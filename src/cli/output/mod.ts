export { explain } from "./explain.ts";
export { bytes, facts, parameters, table, timingsJson, usageJson } from "./format.ts";
export { commandHelp, overview } from "./help.ts";
export { buffers, contextBuffers, placementLine } from "./placement.ts";
