/** Text for people and JSON for programs: tables, sizes, help and error messages. */
export { explain } from "./explain.ts";
export { bytes, fields, parameters, table, timingsJson, usageJson } from "./format.ts";
export { commandHelp, overview } from "./help.ts";
export { memoryFields } from "./memory.ts";
export { modelTable } from "./model_table.ts";
export { buffers, contextBuffers, placementLine } from "./placement.ts";
export { printable, printableLines, withoutControls } from "./printable.ts";
export { ProgressLine } from "./progress_line.ts";
export { displayWidth, truncated } from "./width.ts";
