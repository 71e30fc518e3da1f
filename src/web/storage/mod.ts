/**
 * The history in IndexedDB, and drafts in the local storage.
 *
 * @module
 */
export { openHistory } from "./history.ts";
export type { History } from "./history.ts";
export { type Draft, draftOf, keepDraft } from "./drafts.ts";
