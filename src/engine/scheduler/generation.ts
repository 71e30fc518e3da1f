import type { Context } from "../../../ffi/mod.ts";
import type { Adapters } from "../adapters/mod.ts";
import type { SessionStore } from "../kv_cache/mod.ts";
import type { SamplerModel } from "../sampling/mod.ts";
import type { DraftModel } from "../speculation/mod.ts";

/** What a model that generates text needs for it. */
export interface GenerationContext {
  readonly context: Context;
  readonly sampling: SamplerModel;
  readonly adapters: Adapters;
  /** Tokens one sequence may hold. */
  readonly sequenceLength: number;
  readonly parallel: number;
  /** Outputs that one batch may have. */
  readonly maxOutputs: number;
  /** Whether all sequences take their cells from one buffer. */
  readonly kvUnified: boolean;
  /** Null where no folder for sessions was given. */
  readonly sessions: SessionStore | null;
  readonly draft: DraftModel | null;
  /** Whether to draft from a sequence's own text. */
  readonly lookup: boolean;
  /** Whether a sequence goes on when its context is full. */
  readonly contextShift: boolean;
  /** Whether its memory can forget the end of a sequence. */
  readonly canTruncate: boolean;
  /** Whether no device but the CPU computes. */
  readonly isOnCpu: boolean;
  /** Bytes of host memory for states of finished sequences. */
  readonly savedBytes: number;
}
