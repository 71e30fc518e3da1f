import { messageOf } from "../../errors.ts";
import type { DraftModel } from "./draft_model.ts";
import { DraftTrial } from "./draft_trial.ts";
import { draftLength, maxDraftedSequences } from "./draft_policy.ts";
import type { DraftedSequence } from "./drafted_sequence.ts";

/** Options of speculation. */
export interface SpeculationOptions {
  /** Whether to use prompt lookup. A draft model takes precedence. */
  readonly lookup: boolean;
  readonly kvUnified: boolean;
  readonly isOnCpu: boolean;
  /** Whether rejected tokens are undone by checkpoints: see `DraftUndo`. */
  readonly isRecurrent: boolean;
}

/** Drafts tokens for running sequences, by prompt lookup or by a draft model. */
export class Speculation {
  readonly #model: DraftModel | null;
  readonly #options: SpeculationOptions;
  readonly #onNotice: (notice: string) => void;
  #hasFailed: boolean;
  /** Null if drafts need no checkpoints. */
  readonly #trial: DraftTrial | null;
  /** The sequence that computes accepted tokens again in the next step. */
  #repeating: DraftedSequence | null = null;
  #drafted = 0;
  #accepted = 0;

  /**
   * @param onNotice receives the reason if the draft model is given up.
   * @param former speculation in an earlier context, whose counters go on.
   */
  constructor(
    model: DraftModel | null,
    place: SpeculationOptions,
    onNotice: (notice: string) => void,
    former?: Speculation,
  ) {
    this.#model = model;
    this.#options = place;
    this.#onNotice = onNotice;
    this.#hasFailed = former?.hasFailed ?? false;
    this.#trial = place.isRecurrent ? new DraftTrial() : null;
    this.#drafted = former?.drafted ?? 0;
    this.#accepted = former?.accepted ?? 0;
  }

  /** Source of drafts. */
  get kind(): "lookup" | "draft" | null {
    if (this.#model !== null && !this.#hasFailed) return "draft";
    return this.#options.lookup ? "lookup" : null;
  }

  /** Whether the draft model failed to compute. It is not used again. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  get drafted(): number {
    return this.#drafted;
  }

  get accepted(): number {
    return this.#accepted;
  }

  /** Source and counts of drafted tokens. */
  get status() {
    return {
      speculation: this.kind,
      draftedTokens: this.#drafted,
      acceptedTokens: this.#accepted,
    };
  }

  /**
   * Sets the `draft` of each sequence.
   * @param room maximum total length of all drafts.
   */
  draft(sequences: readonly DraftedSequence[], room: number): void {
    for (const sequence of sequences) if (sequence.draft.length > 0) sequence.draft = [];
    const { kvUnified, isOnCpu } = this.#options;
    if (this.kind === null || sequences.length === 0) return;
    if (this.#trial?.mayDraft === false) return;
    // Streams are computed together only up to the shortest draft, so no other sequence drafts either.
    if (sequences.some(({ hasMedia }) => hasMedia)) return;
    if (sequences.length > maxDraftedSequences(isOnCpu)) return;
    const share = Math.floor(room / sequences.length);
    const limits = sequences.map((sequence) => {
      // The last token allowed is sampled from the token before it and needs no draft.
      const left = sequence.maxTokens - sequence.completionTokens - 1;
      return draftLength(Math.min(sequence.policy.length, share, left, sequence.room - 1));
    });
    const drafts = this.#propose(sequences, kvUnified ? limits : equalized(limits));
    // libllama computes separate streams together only up to the shortest, so all drafts get the
    // same length.
    const lengths = drafts.map(({ length }) => length);
    const cut = kvUnified ? lengths : equalized(lengths);
    sequences.forEach((sequence, index) => {
      sequence.draft = drafts[index]!.slice(0, cut[index]);
    });
  }

  #propose(sequences: readonly DraftedSequence[], limits: readonly number[]): readonly number[][] {
    if (this.kind === "draft") return this.#proposeByModel(sequences, limits);
    return sequences.map((sequence, index) =>
      limits[index]! > 0 ? sequence.lookup.propose(limits[index]!) : []
    );
  }

  /** Drafts are optional: if the model fails, the sequences go on without it. */
  #proposeByModel(
    sequences: readonly DraftedSequence[],
    limits: readonly number[],
  ): readonly number[][] {
    try {
      return this.#model!.propose(sequences, limits);
    } catch (error) {
      this.#hasFailed = true;
      const rest = this.kind === null ? "without drafts" : "with drafts by lookup";
      this.#onNotice(
        `The draft model failed and is not used again; answers go on ${rest}: ${messageOf(error)}`,
      );
      return sequences.map(() => []);
    }
  }

  /**
   * Records the time of a step. Only steps of one sequence are compared; others depend on the prompts and
   * answers beside it.
   */
  recordStep(members: readonly DraftedSequence[], isPrefill: boolean, ms: number): void {
    const [sequence] = members;
    if (this.#trial === null || sequence === undefined) return;
    const isRepeated = this.#repeating === sequence;
    this.#repeating = null;
    if (members.length > 1) return;
    const { draft, accepted } = sequence;
    if (draft.length > 0) {
      this.#trial.recordDrafted(accepted + 1, ms);
      if (accepted < draft.length) this.#repeating = sequence;
    } else if (isRepeated) this.#trial.recordDrafted(1, ms);
    else if (!isPrefill) this.#trial.recordPlain(ms);
  }

  /** Records how many drafted tokens of a sequence were accepted. */
  record(sequence: DraftedSequence, accepted: number): void {
    sequence.accepted = accepted;
    sequence.policy.record(sequence.draft.length, accepted);
    this.#drafted += sequence.draft.length;
    this.#accepted += accepted;
  }
}

function equalized(lengths: readonly number[]): readonly number[] {
  const shortest = Math.min(...lengths);
  return lengths.map(() => shortest);
}
