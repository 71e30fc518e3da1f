import type { EmbeddingStatus } from "./embedding.ts";
import type { AdapterInfo } from "./adapters.ts";
import type { ContextShape } from "./load_options.ts";

/** The generation context of an engine. */
export interface ContextStatus extends ContextShape {
  /** Contexts that replaced another one, because a sequence needed another shape. */
  readonly replacements: number;
  /** Tokens of a sequence that waits for a larger context; null without any. */
  readonly waiting: number | null;
}

/**
 * What a model keeps of a sequence: all tokens (`attention`), in some layers a sliding window, with all
 * cells (`window_all_cells`) or the window alone (`window`), or a recurrent state, in all layers
 * (`recurrent`) or some (`hybrid`).
 */
export const MEMORY_KINDS = [
  "attention",
  "window_all_cells",
  "window",
  "recurrent",
  "hybrid",
] as const;
export type MemoryKind = (typeof MEMORY_KINDS)[number];

/** Counters and gauges of one engine. */
export interface EngineStatus {
  readonly running: number;
  readonly prefilling: number;
  readonly queued: number;
  readonly queueLimit: number;
  /** KV cache cells in use, and in total. */
  readonly cellsUsed: number;
  readonly cellsTotal: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  /** Source of drafted tokens: prompt lookup or a draft model. Null without speculation. */
  readonly speculation: "lookup" | "draft" | null;
  /** Drafted tokens, and drafted tokens that were accepted. */
  readonly draftedTokens: number;
  readonly acceptedTokens: number;
  /** Null for a model that does not generate. */
  readonly memoryKind: MemoryKind | null;
  /** Checkpoints in host memory, and bytes of checkpoints and saved states. */
  readonly checkpoints: number;
  readonly savedBytes: number;
  /** Cached prefixes that were evicted. */
  readonly evictions: number;
  /** Null without a prefix cache on disk. */
  readonly diskCache: DiskCacheStatus | null;
  /** Null without a shared cache. */
  readonly sharedCache: SharedCacheStatus | null;
  /** Sequences that were preempted because the KV cache was full, and resumed later. */
  readonly preemptions: number;
  readonly steps: number;
  readonly slots: readonly SlotStatus[];
  /** Milliseconds in native decoding and sampling, and in whole steps. */
  readonly nativeMs: number;
  readonly stepMs: number;
  /** Null for a model that does not generate. */
  readonly context: ContextStatus | null;
  readonly loras: readonly AdapterInfo[];
  /** Null until the first embedding or score is computed. */
  readonly embedding: EmbeddingStatus | null;
  /** Absent for a model that reads text alone. */
  readonly media?: MediaStatus;
}

/** Counters and gauges of images and sounds. */
export interface MediaStatus {
  /** Those that were encoded, and those that were encoded for an earlier prompt. */
  readonly encoded: number;
  readonly reused: number;
  /** Milliseconds of decoding and encoding. */
  readonly encodeMs: number;
  /** Bytes of the embeddings that are kept. */
  readonly bytes: number;
  /** Prompts whose images are read. */
  readonly waiting: number;
}

/** The part of the status that the scheduler loop reports. */
export type LoopStatus = Omit<EngineStatus, "loras" | "embedding" | "media">;

/** Counters and gauges of the prefix cache on disk. */
export interface DiskCacheStatus {
  /** Bytes and files in the folder, of all models. */
  readonly bytes: number;
  readonly files: number;
  /** Maximum bytes of this model's files. */
  readonly limitBytes: number;
  /** Requests that began with a state from disk, and requests for which there was none. */
  readonly hits: number;
  readonly misses: number;
  /** States that were written. */
  readonly writes: number;
  /** Reads and writes that failed. */
  readonly failures: number;
  /** Each kind of failure once, without paths. */
  readonly notices: readonly string[];
}

/** Counters and gauges of the prefixes that servers share. */
export interface SharedCacheStatus {
  /** Whether the model's files are read, which identifies them: from then on, states are found. */
  readonly isReady: boolean;
  /** False from a failure on, until a request succeeds again. */
  readonly isReachable: boolean;
  /** Requests that began with a shared state, that there was none for, and that did not wait for the answer. */
  readonly hits: number;
  readonly misses: number;
  readonly late: number;
  readonly readBytes: number;
  /** States that were written, and that were not: too many waited, or the store could not be reached. */
  readonly writes: number;
  readonly dropped: number;
  readonly writtenBytes: number;
  /** Reads and writes that failed, and states that were damaged or made with another secret. */
  readonly failures: number;
  /** Each kind of failure once, without paths. */
  readonly notices: readonly string[];
}

/** A slot: the cells of one running sequence, which keep its tokens afterwards. */
export interface SlotStatus {
  readonly id: number;
  /** Tokens in the KV cache. */
  readonly tokens: number;
  /** The sequence that the slot computes; null for an idle slot. */
  readonly running: {
    readonly promptTokens: number;
    readonly cachedTokens: number;
    readonly completionTokens: number;
    /** Tokens that the sequence may still generate. */
    readonly remainingTokens: number;
  } | null;
}

/** A change of an idle slot. `session` is the name of a saved session. */
export type SlotChange =
  | { readonly action: "save"; readonly slot: number; readonly session: string }
  | { readonly action: "restore"; readonly slot: number; readonly session: string }
  | { readonly action: "erase"; readonly slot: number };

/** Result of a change: tokens and bytes that were saved, restored or erased, and its duration. */
export interface SlotChangeResult {
  readonly tokens: number;
  readonly bytes: number;
  readonly milliseconds: number;
  /** Why other servers do not get what was saved, or why what they have saved is not used. */
  readonly notice?: string;
}
