/** States of sequences in files: their format, and a cache of them that processes share. */
export {
  DiskCache,
  type DiskCacheOptions,
  type DiskCacheTarget,
  type ScopedState,
} from "./disk_cache.ts";
export type { DiskMatch } from "./disk_index.ts";
export type { DiskLimits } from "./eviction.ts";
export { ReadCost } from "./read_cost.ts";
export { decodeState, type StateOrigin, type StoredState } from "./state_file.ts";
export { reasonOf, writeStateSync } from "./write_state.ts";
