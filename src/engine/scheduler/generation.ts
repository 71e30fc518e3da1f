import type { Context } from "../../../ffi/mod.ts";
import type { Adapters } from "../adapters/mod.ts";
import type { SessionStore } from "../kv_cache/mod.ts";
import type { SamplerModel } from "../sampling/mod.ts";
import type { DraftModel } from "../speculation/mod.ts";

/** Resources of a loaded model for text generation. */
export interface GenerationContext {
  readonly context: Context;
  readonly sampling: SamplerModel;
  readonly adapters: Adapters;
  /** Maximum tokens of one sequence. */
  readonly sequenceLength: number;
  readonly parallel: number;
  /** Maximum outputs of a batch. */
  readonly maxOutputs: number;
  /** Whether all sequences share one KV buffer. */
  readonly kvUnified: boolean;
  /** Null without a session folder. */
  readonly sessions: SessionStore | null;
  readonly draft: DraftModel | null;
  /** Whether to draft by prompt lookup. */
  readonly lookup: boolean;
  /** Whether a sequence continues when its context is full (context shift). */
  readonly contextShift: boolean;
  /** Whether tokens at the end of a sequence can be removed from the KV cache. */
  readonly canTruncate: boolean;
  /** Tokens of a small sliding window: a sequence can be truncated while it holds them; 0 for none. */
  readonly window: number;
  /** Whether only the CPU computes. */
  readonly isOnCpu: boolean;
  /** Maximum bytes of saved states in host memory. */
  readonly savedBytes: number;
}
