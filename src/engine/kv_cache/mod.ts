/** KV cache of one context: prefix cache, radix tree, checkpoints, saved states. */
export { messageBoundaries } from "./checkpoints.ts";
export type { KvStream } from "./cached_prefix.ts";
export type { SavedState } from "./host_states.ts";
export { heldTokens } from "./positions.ts";
export { PrefixCache } from "./prefix_cache.ts";
export { portableMemory } from "./portable_memory.ts";
export { timedMemory } from "./timed_memory.ts";
export type { StateParts } from "./stream_state.ts";
