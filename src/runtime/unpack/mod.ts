export { unpackLibraries } from "./unpack.ts";
