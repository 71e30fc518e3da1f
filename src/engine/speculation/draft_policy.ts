import { ROW_GROUP } from "../native/mod.ts";

/**
 * Draft lengths of one sequence per step. Together with the token before it, a draft fills whole
 * row groups.
 */
const MIN_DRAFT = ROW_GROUP - 1;
export const MAX_DRAFT = 2 * ROW_GROUP - 1;
/**
 * Maximum concurrent sequences with drafts. With more, the batch uses the whole processor without
 * drafts, and rejected tokens cost more than accepted tokens save.
 */
const MAX_SEQUENCES = { cpu: 2, gpu: 4 };
/** Minimum share of accepted tokens for drafting to be worth its cost. */
const MIN_ACCEPTANCE = 0.35;
/** Drafted tokens after which the share is evaluated. */
const MIN_SAMPLE = 16;
/** Tokens to generate without drafts after the share was too low. */
const PAUSE_TOKENS = 64;

/** Maximum concurrent sequences that get drafts. */
export function maxDraftedSequences(isOnCpu: boolean): number {
  return isOnCpu ? MAX_SEQUENCES.cpu : MAX_SEQUENCES.gpu;
}

/** Longest useful draft length up to `most`; 0 if there is none. */
export function draftLength(most: number): number {
  if (most >= MAX_DRAFT) return MAX_DRAFT;
  return most >= MIN_DRAFT ? MIN_DRAFT : 0;
}

/**
 * Whether a draft may have this length. Other lengths leave rows of a group empty, which cost as
 * much as full ones.
 */
export function isDraftLength(length: number): boolean {
  return draftLength(length) === length;
}

/**
 * Draft length of a sequence: longer while drafts are accepted, shorter when they are not, and none
 * for a while when the acceptance is too low.
 */
export class DraftPolicy {
  drafted = 0;
  accepted = 0;
  #length = MIN_DRAFT;
  #recentDrafted = 0;
  #recentAccepted = 0;
  #paused = 0;

  /** Tokens to draft in the next step. */
  get length(): number {
    return this.#paused > 0 ? 0 : this.#length;
  }

  /** Records the result of a step. Without a draft, `drafted` is 0. */
  record(drafted: number, accepted: number): void {
    if (drafted === 0) {
      if (this.#paused > 0) this.#paused--;
      return;
    }
    this.drafted += drafted;
    this.accepted += accepted;
    this.#recentDrafted += drafted;
    this.#recentAccepted += accepted;
    if (accepted === drafted) this.#length = MAX_DRAFT;
    else if (accepted * 2 < drafted) this.#length = MIN_DRAFT;
    if (this.#recentDrafted < MIN_SAMPLE) return;
    if (this.#recentAccepted < this.#recentDrafted * MIN_ACCEPTANCE) {
      this.#paused = PAUSE_TOKENS;
      this.#length = MIN_DRAFT;
    }
    this.#recentDrafted = 0;
    this.#recentAccepted = 0;
  }
}
