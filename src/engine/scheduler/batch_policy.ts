import { byPriority, type PrioritizedSequence } from "./priority.ts";
import type { Sequence } from "./sequence.ts";

/** What decides whose turn it is. */
export type BatchCandidate =
  & PrioritizedSequence
  & Pick<Sequence, "paused">
  & { readonly adapters: Pick<Sequence["adapters"], "key"> };

/** The sequences that the next batch is of: all computed with the same adapters. */
export interface BatchSelection<S> {
  readonly sequences: readonly S[];
  /** Whether they have prompts to compute, or else answers to go on with. */
  readonly isPrefill: boolean;
  /** Answers, with any adapters, that wait meanwhile. */
  readonly answers: number;
}

/**
 * Milliseconds for which answers with the same adapters go on before others have their turn, where no
 * prompt waits: libllama lays out its computation anew at every change of adapters, which takes as long
 * as a token or several.
 */
const ADAPTER_SWITCH_MS = 50;

/**
 * Lets answers and prompts take turns.
 *
 * In one batch a long prompt would make every answer's attention as long as its own, and a context
 * computes with one set of adapters at a time. So every answer gets its next token, in one batch for
 * each set of adapters, and then comes one batch of prompts, and so on: between two tokens of an answer
 * at most one batch of prompts is computed.
 */
export class BatchPolicy {
  /** The adapters whose answers had their turn since the last batch of prompts. */
  readonly #decodedKeys = new Set<string>();
  /** The adapters of the answers that had the last turn, and when it was first theirs. */
  #lastBatch = { key: "", since: -Infinity };

  /** The next turn among those that run; null when all are paused. */
  next<S extends BatchCandidate>(running: readonly S[], now: number): BatchSelection<S> | null {
    const answers = running.filter(({ paused, remaining }) => !paused && remaining <= 1);
    // A paused one is computed up to its last token, as others may be waiting for its prompt.
    const prompts = running.filter(({ remaining }) => remaining > 1);
    const isServed = ({ adapters }: S) => this.#decodedKeys.has(adapters.key);
    const stays = prompts.length === 0 && now - this.#lastBatch.since < ADAPTER_SWITCH_MS;
    let first =
      (stays ? answers.find(({ adapters }) => adapters.key === this.#lastBatch.key) : undefined) ??
        answers.find((sequence) => !isServed(sequence));
    const isPrefill = first === undefined && prompts.length > 0;
    if (first === undefined) {
      this.#decodedKeys.clear();
      first = isPrefill ? byPriority(prompts, now)[0] : answers[0];
    }
    if (first === undefined) return null;
    const { key } = first.adapters;
    if (!isPrefill) {
      this.#decodedKeys.add(key);
      if (key !== this.#lastBatch.key) this.#lastBatch = { key, since: now };
    }
    return {
      sequences: (isPrefill ? prompts : answers).filter(({ adapters }) => adapters.key === key),
      isPrefill,
      answers: answers.length,
    };
  }
}
