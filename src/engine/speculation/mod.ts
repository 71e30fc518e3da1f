export { DraftModel } from "./draft_model.ts";
export { DraftPolicy, LONGEST_DRAFT, mostDrafting } from "./draft_policy.ts";
export { NgramLookup } from "./ngram_lookup.ts";
export { Speculation } from "./speculation.ts";
