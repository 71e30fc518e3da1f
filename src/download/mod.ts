/** Files from the network: continued, over several connections, checked, and whole or not there. */

export { download, type DownloadOptions, type DownloadProgress } from "./download.ts";
export { hashFile } from "./hash.ts";
export { holdLock } from "./lock.ts";
export { removeIfThere, sizeOf } from "./part.ts";
export { type Authorization, Refusal, request, StallTimer } from "./request.ts";
export { checkSpace, freeSpace } from "./space.ts";
