/** Speculative decoding: prompt lookup, draft model, draft length. */
export { DraftModel } from "./draft_model.ts";
export { DraftPolicy, MAX_DRAFT, maxDraftedSequences } from "./draft_policy.ts";
export { DraftUndo } from "./draft_undo.ts";
export { NgramLookup } from "./ngram_lookup.ts";
export { Speculation } from "./speculation.ts";
