import { ROW_GROUP } from "../native/mod.ts";

/** Tokens drafted for one sequence in one step: with the token before them they fill groups of rows. */
const MIN_DRAFT = ROW_GROUP - 1;
export const MAX_DRAFT = 2 * ROW_GROUP - 1;
/**
 * Above so many answers at once the batch keeps the processor busy without drafts, and computing tokens
 * that may be thrown away costs more than it brings.
 */
const MAX_SEQUENCES = { cpu: 2, gpu: 4 };
/** Share of drafted tokens that must be accepted for drafting to pay. */
const MIN_ACCEPTANCE = 0.35;
/** Drafted tokens after which the share means something. */
const MIN_SAMPLE = 16;
/** Tokens without drafts after drafting did not pay. */
const PAUSE_TOKENS = 64;

/** Answers that may run at once and be drafted for. */
export function maxDraftedSequences(isOnCpu: boolean): number {
  return isOnCpu ? MAX_SEQUENCES.cpu : MAX_SEQUENCES.gpu;
}

/** The longest draft that is worth its rows and has at most so many tokens; 0 where there is none. */
export function draftLength(most: number): number {
  if (most >= MAX_DRAFT) return MAX_DRAFT;
  return most >= MIN_DRAFT ? MIN_DRAFT : 0;
}

/** Whether a draft may have so many tokens: less would leave rows empty that cost as much as full ones. */
export function isDraftLength(length: number): boolean {
  return draftLength(length) === length;
}

/**
 * How many tokens to draft for a sequence: more while drafts are accepted, fewer when they are not, and
 * none for a while when they do not pay.
 */
export class DraftPolicy {
  drafted = 0;
  accepted = 0;
  #length = MIN_DRAFT;
  #recentDrafted = 0;
  #recentAccepted = 0;
  #paused = 0;

  /** Tokens to draft now. */
  get length(): number {
    return this.#paused > 0 ? 0 : this.#length;
  }

  /** Learns what became of a step; without a draft, only that a token was made. */
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
