import type { DraftModel } from "./draft_model.ts";
import { draftLength, maxDraftedSequences } from "./draft_policy.ts";
import type { DraftedSequence } from "./drafted_sequence.ts";

/** What drafts are for. */
export interface SpeculationOptions {
  /** Whether to look in a sequence's own text; a draft model goes before that. */
  readonly lookup: boolean;
  readonly kvUnified: boolean;
  readonly isOnCpu: boolean;
}

/** Drafts tokens for running sequences, from their own text or by a small model. */
export class Speculation {
  readonly #model: DraftModel | null;
  readonly #options: SpeculationOptions;
  #drafted = 0;
  #accepted = 0;

  constructor(model: DraftModel | null, place: SpeculationOptions) {
    this.#model = model;
    this.#options = place;
  }

  /** Where drafts come from. */
  get kind(): "lookup" | "draft" | null {
    return this.#model !== null ? "draft" : this.#options.lookup ? "lookup" : null;
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
  draft(sequences: readonly DraftedSequence[], room: number): void {
    for (const sequence of sequences) sequence.draft = [];
    const { kvUnified, isOnCpu } = this.#options;
    if (this.kind === null || sequences.length === 0) return;
    if (sequences.length > maxDraftedSequences(isOnCpu)) return;
    const share = Math.floor(room / sequences.length);
    const limits = sequences.map((sequence) => {
      // The last token allowed is sampled from the one before it: it needs no draft.
      const left = sequence.maxTokens - sequence.completionTokens - 1;
      return draftLength(Math.min(sequence.policy.length, share, left, sequence.room - 1));
    });
    const drafts = this.#propose(sequences, kvUnified ? limits : equalized(limits));
    // Separate streams are computed together as far as the shortest goes, and what is left by itself.
    const lengths = drafts.map(({ length }) => length);
    const cut = kvUnified ? lengths : equalized(lengths);
    sequences.forEach((sequence, index) => {
      sequence.draft = drafts[index]!.slice(0, cut[index]);
    });
  }

  #propose(sequences: readonly DraftedSequence[], limits: readonly number[]): readonly number[][] {
    if (this.#model !== null) return this.#model.propose(sequences, limits);
    return sequences.map((sequence, index) =>
      limits[index]! > 0 ? sequence.lookup.propose(limits[index]!) : []
    );
  }

  /** Learns how many tokens of a sequence's draft were right. */
  record(sequence: DraftedSequence, accepted: number): void {
    sequence.policy.record(sequence.draft.length, accepted);
    this.#drafted += sequence.draft.length;
    this.#accepted += accepted;
  }
}

function equalized(lengths: readonly number[]): readonly number[] {
  const shortest = Math.min(...lengths);
  return lengths.map(() => shortest);
}
