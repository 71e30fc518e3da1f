import type { EmbeddingStatus } from "./embedding.ts";
import type { AdapterInfo } from "./adapters.ts";

/** Counters and gauges of one engine. */
export interface EngineStatus {
  readonly running: number;
  readonly prefilling: number;
  readonly queued: number;
  readonly queueLimit: number;
  /** KV cells in use and in all. */
  readonly cellsUsed: number;
  readonly cellsTotal: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  /** Where drafts come from: a sequence's own text, or a draft model. */
  readonly speculation: "lookup" | "draft" | null;
  /** Tokens that were drafted, and those of them that came next. */
  readonly draftedTokens: number;
  readonly acceptedTokens: number;
  /** Prefixes that were cached and gave way: to another sequence, or to states that were used later. */
  readonly evictions: number;
  /** Sequences that had to stop for want of cells, and went on later. */
  readonly preemptions: number;
  readonly steps: number;
  /** Time spent in native decoding and sampling, and in whole steps, in milliseconds. */
  readonly nativeMs: number;
  readonly stepMs: number;
  readonly loras: readonly AdapterInfo[];
  /** Null until something was embedded, or scored. */
  readonly embedding: EmbeddingStatus | null;
}

/** What the token loop knows of an engine's status. */
export type LoopStatus = Omit<EngineStatus, "loras" | "embedding">;
