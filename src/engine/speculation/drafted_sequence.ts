import type { DraftPolicy } from "./draft_policy.ts";
import type { NgramLookup } from "./ngram_lookup.ts";

/** The properties of a running sequence that speculation needs. */
export interface DraftedSequence {
  /** KV cache stream, with its libllama sequence id. */
  readonly stream: { readonly id: number } | null;
  readonly tokens: readonly number[];
  /** Drafted tokens for the next batch. */
  draft: readonly number[];
  /** Number of drafted tokens of the last batch that were accepted. */
  accepted: number;
  readonly policy: DraftPolicy;
  readonly lookup: NgramLookup;
  /** Whether its prompt has images, which are not drafted from. */
  readonly hasMedia?: boolean;
  readonly maxTokens: number;
  readonly completionTokens: number;
  /** Tokens that the stream can still hold. */
  readonly room: number;
}
