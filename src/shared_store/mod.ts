/**
 * A store that several servers share: Valkey or Redis.
 *
 * @module
 */
export { openSharedStore, type SharedStore, type StoreNotices } from "./shared_store.ts";
