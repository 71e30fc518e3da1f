/** Finds, parses and edits the configuration file. */
export { chatFolder } from "./chat_folder.ts";
export type { Config } from "./config.ts";
export { addModelName, type NameTarget, removeModelName } from "./edit.ts";
export { configPaths, findConfig } from "./read.ts";
export { keyFolder } from "./key_folder.ts";
