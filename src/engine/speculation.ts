import type { DraftModel } from "./draft_model.ts";
import type { Sequence } from "./sequence.ts";

/**
 * Above so many answers at once the batch keeps the processor busy without drafts, and computing tokens
 * that may be thrown away costs more than it brings.
 */
const MOST_SEQUENCES = 4;

/** Drafts tokens for running sequences, from their own text or by a small model. */
export class Speculation {
  readonly #model: DraftModel | null;
  readonly #lookup: boolean;
  #drafted = 0;
  #accepted = 0;

  /** @param lookup whether to look in a sequence's own text; a draft model goes before that. */
  constructor(model: DraftModel | null, lookup: boolean) {
    this.#model = model;
    this.#lookup = lookup;
  }

  /** Where drafts come from. */
  get kind(): "lookup" | "draft" | null {
    return this.#model !== null ? "draft" : this.#lookup ? "lookup" : null;
  }

  get drafted(): number {
    return this.#drafted;
  }

  get accepted(): number {
    return this.#accepted;
  }

  /**
   * Puts into each sequence's `draft` what may come next.
   * @param room tokens that all drafts together may have.
   */
  draft(sequences: readonly Sequence[], room: number): void {
    for (const sequence of sequences) sequence.draft = [];
    if (sequences.length === 0 || sequences.length > MOST_SEQUENCES) return;
    if (this.#model === null && !this.#lookup) return;
    const share = Math.floor(room / sequences.length);
    const limits = sequences.map((sequence) => {
      // The last token allowed is sampled from the one before it: it needs no draft.
      const left = sequence.maxTokens - sequence.completionTokens - 1;
      return Math.max(0, Math.min(sequence.policy.length, share, left, sequence.room - 1));
    });
    if (this.#model !== null) {
      const drafts = this.#model.propose(sequences, limits);
      sequences.forEach((sequence, index) => sequence.draft = drafts[index]!);
    } else {
      sequences.forEach((sequence, index) => {
        if (limits[index]! > 0) sequence.draft = sequence.lookup.propose(limits[index]!);
      });
    }
  }

  /** Learns how many tokens of a sequence's draft were right. */
  learn(sequence: Sequence, accepted: number): void {
    sequence.policy.learn(sequence.draft.length, accepted);
    this.#drafted += sequence.draft.length;
    this.#accepted += accepted;
  }
}
