/** States of sequences in files: their format, sessions, and a cache that processes share. */
export {
  DiskCache,
  type DiskCacheOptions,
  type DiskCacheTarget,
  type ScopedState,
} from "./disk_cache.ts";
export type { DiskMatch } from "./disk_index.ts";
export type { DiskLimits } from "./eviction.ts";
export { hashText } from "./file_name.ts";
export { ReadCost } from "./read_cost.ts";
export { type NamedTokens, NO_ROWS, type RowNames, type StoredMedia } from "./row_names.ts";
export { SessionStore } from "./session_store.ts";
export {
  DamagedStateFile,
  decodeState,
  sizeOfState,
  statePieces,
  type StoredState,
} from "./state_file.ts";
export type { StateOrigin } from "./state_head.ts";
export { PrefixChecksums, tokenBytes } from "./token_marks.ts";
export { reasonOf } from "./write_state.ts";
