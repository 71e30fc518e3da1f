/**
 * The history in IndexedDB, and drafts in the local storage.
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
