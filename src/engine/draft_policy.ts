/** Tokens drafted for one sequence in one step, at most. */
export const LONGEST_DRAFT = 8;
const FIRST_DRAFT = 4;
/** Share of drafted tokens that must be accepted for drafting to pay. */
const WORTH_IT = 0.35;
/** Drafted tokens after which the share means something. */
const ENOUGH = 16;
/** Tokens without drafts after drafting did not pay. */
const REST = 64;

/**
 * How many tokens to draft for a sequence: more while drafts are accepted, fewer when they are not, and
 * none for a while when they do not pay.
 */
export class DraftPolicy {
  drafted = 0;
  accepted = 0;
  #length = FIRST_DRAFT;
  #recentDrafted = 0;
  #recentAccepted = 0;
  #resting = 0;

  /** Tokens to draft now. */
  get length(): number {
    return this.#resting > 0 ? 0 : this.#length;
  }

  /** Learns what became of a step; without a draft, only that a token was made. */
  learn(drafted: number, accepted: number): void {
    if (drafted === 0) {
      if (this.#resting > 0) this.#resting--;
      return;
    }
    this.drafted += drafted;
    this.accepted += accepted;
    this.#recentDrafted += drafted;
    this.#recentAccepted += accepted;
    if (accepted === drafted) this.#length = Math.min(this.#length * 2, LONGEST_DRAFT);
    else if (accepted * 2 < drafted) this.#length = Math.max(1, this.#length >> 1);
    if (this.#recentDrafted < ENOUGH) return;
    if (this.#recentAccepted < this.#recentDrafted * WORTH_IT) {
      this.#resting = REST;
      this.#length = FIRST_DRAFT >> 1;
    }
    this.#recentDrafted = 0;
    this.#recentAccepted = 0;
  }
}
