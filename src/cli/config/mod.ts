export type { Config } from "./config.ts";
export { configPaths, findConfig } from "./read.ts";
