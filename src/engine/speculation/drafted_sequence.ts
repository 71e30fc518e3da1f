import type { DraftPolicy } from "./draft_policy.ts";
import type { NgramLookup } from "./ngram_lookup.ts";

/** What speculation needs to know of a running sequence. */
export interface DraftedSequence {
  /** Its stream of the KV cache, by the id that libllama has for it. */
  readonly stream: { readonly id: number } | null;
  readonly tokens: readonly number[];
  /** Drafted tokens of the next batch. */
  draft: readonly number[];
  readonly policy: DraftPolicy;
  readonly lookup: NgramLookup;
  readonly maxTokens: number;
  readonly completionTokens: number;
  /** Tokens that its stream could still take. */
  readonly room: number;
}
