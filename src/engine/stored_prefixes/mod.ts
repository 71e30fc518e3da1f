/** Prefixes in files: saved sessions, and the prefix cache on disk. */
export type { OpenedSession } from "./session_cache.ts";
export { StoredPrefixes } from "./stored_prefixes.ts";
