/** Downloads files: resumable, over several connections, verified, and renamed when complete. */

export { connectionError } from "./connection_error.ts";
export { download, type DownloadOptions, type DownloadProgress } from "./download.ts";
export { holdLock } from "./lock.ts";
export { removeIfThere, sizeOf } from "./part.ts";
export { type Authorization, PermanentError, request, StallTimer } from "./request.ts";
export { checkSpace, freeSpace } from "./space.ts";
