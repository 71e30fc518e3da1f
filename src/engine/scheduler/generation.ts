import type { Context } from "../../../ffi/mod.ts";
import type { Adapters } from "../adapters/mod.ts";
import type { DiskCache, SessionStore } from "../disk_cache/mod.ts";
import type { SharedStates } from "../shared_states/mod.ts";
import type { StateParts } from "../kv_cache/mod.ts";
import type { PromptRows } from "../native/mod.ts";
import type { ContextShape, MemoryKind } from "../protocol/mod.ts";
import type { SamplerModel } from "../sampling/mod.ts";
import type { DraftModel } from "../speculation/mod.ts";

/** A context to create in place of another one. */
export interface LargerContext {
  readonly shape: ContextShape;
  /** Host memory for the states that move to it, in bytes. */
  readonly stateBytes: number;
  /** Whether states of the former context fit it. */
  readonly keepsStates: boolean;
}

/** Resources of a loaded model for text generation. */
export interface GenerationContext {
  readonly context: Context;
  readonly sampling: SamplerModel;
  readonly adapters: Adapters;
  readonly shape: ContextShape;
  /** Maximum tokens of one sequence in this context. */
  readonly sequenceLength: number;
  /** The same, or that of a larger context that memory had room for when this one was created. */
  readonly longestLength: number;
  /** Maximum tokens of one sequence in any context of the model. */
  readonly maxLength: number;
  readonly parallel: number;
  /** Maximum outputs of a batch. */
  readonly maxOutputs: number;
  /** Whether all sequences share one KV buffer. */
  readonly kvUnified: boolean;
  /** Null without a session folder. */
  readonly sessions: SessionStore | null;
  /** Null without a prefix cache on disk. */
  readonly diskCache: DiskCache | null;
  /** Null without prefixes that servers share. */
  readonly sharedStates: SharedStates | null;
  readonly draft: DraftModel | null;
  /** Whether to draft by prompt lookup. */
  readonly lookup: boolean;
  /** Whether a sequence continues when its context is full (context shift). */
  readonly contextShift: boolean;
  /** Whether tokens at the end of a sequence can be removed from the KV cache. */
  readonly canTruncate: boolean;
  readonly memoryKind: MemoryKind;
  /** Whether layers have a recurrent state, which returns to checkpoints only. */
  readonly isRecurrent: boolean;
  /** Tokens of a sliding window: a sequence can be truncated while it holds them; 0 for none. */
  readonly window: number;
  /** What the state of a sequence consists of; null if it cannot move to other streams. */
  readonly stateParts: StateParts | null;
  /** Whether only the CPU computes. */
  readonly isOnCpu: boolean;
  /** Whether rows of an image share positions (M-RoPE). */
  readonly sharesPositions: boolean;
  /** Maximum rows of an image that must be in one batch. */
  readonly wholeRows: number;
  /** How to cut prompts into batches. */
  readonly promptRows: PromptRows;
  /** Maximum bytes of saved states in host memory. */
  readonly savedBytes: number;
  /**
   * The shape of a context for a sequence that is longer than `sequenceLength`; null if memory has no
   * room for it.
   * @param cellsUsed cells of this context that were written; they become free with it.
   */
  larger(length: number, cellsUsed: number): LargerContext | null;
  /**
   * Closes this context and creates another one.
   * @throws {ShimmyError} `backend` if that fails; then there is no context.
   */
  replace(shape: ContextShape): GenerationContext;
}
