/** KV cache of one context: prefix cache, radix tree, checkpoints, saved states, sessions on disk. */
export { messageBoundaries } from "./checkpoints.ts";
export type { KvStream } from "./cached_prefix.ts";
export type { SavedState } from "./host_states.ts";
export { PrefixCache } from "./prefix_cache.ts";
export type { OpenedSession } from "./session_cache.ts";
export { StoredPrefixes } from "./stored_prefixes.ts";
export { timedMemory } from "./timed_memory.ts";
export type { StateParts } from "./stream_state.ts";
