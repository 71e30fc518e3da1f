/** The configuration file: where it is, and what it contains. */
export type { Config } from "./config.ts";
export { addModelName, type NameTarget, removeModelName } from "./edit.ts";
export { configPaths, findConfig } from "./read.ts";
