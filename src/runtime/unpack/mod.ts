/** Unpacks libraries from release archives. */

export { unpackLibraries } from "./unpack.ts";
