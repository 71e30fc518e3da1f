/**
 * The history in IndexedDB, and drafts and the notes of running streams in the local storage.
 *
 * @module
 */
export { openHistory } from "./history.ts";
export type { History } from "./history.ts";
export {
  type Attachments,
  type Draft,
  draftOf,
  isLostByReload,
  keepDraftFiles,
  keepDraftText,
  NO_ATTACHMENTS,
} from "./drafts.ts";
export { dropStream, noteStream, type RunningStream, runningStreams } from "./running_streams.ts";
