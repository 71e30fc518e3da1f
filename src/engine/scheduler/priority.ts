import type { Sequence } from "./sequence.ts";

/** A waiting prompt gains on the shorter ones by this many tokens for each millisecond it waits. */
const AGEING_TOKENS_PER_MS = 0.25;
/**
 * One step of priority is worth as much as this many tokens, and no prompt counts as longer: at the same
 * age a higher priority always goes first, and nobody is overtaken by who comes more than 16 s later for
 * each step of priority between them.
 */
const TOKENS_PER_PRIORITY = 4096;
/** While answers run, a batch of prompts is sized to take about this long, in milliseconds. */
const PREFILL_BATCH_MS = 300;
/** So many times as long where more wait for their first token than for their next one. */
const MAX_BUDGET_FACTOR = 4;
/** Smaller shares would make prompts needlessly slow. */
const MIN_BUDGET = 32;
/** The share while nothing is known of the machine's speed. */
const INITIAL_BUDGET = 64;

/** What decides when a sequence gets its turn. */
export type PrioritizedSequence =
  & Pick<Sequence, "id" | "remaining" | "submitted" | "completionTokens">
  & { readonly request: Pick<Sequence["request"], "priority"> };

/** Tokens as they count for the order: more of them count more, but never as much as a step of priority. */
function schedulingCost(
  { remaining, submitted, request }: PrioritizedSequence,
  now: number,
): number {
  const length = TOKENS_PER_PRIORITY * remaining / (remaining + TOKENS_PER_PRIORITY);
  return length - (now - submitted) * AGEING_TOKENS_PER_MS -
    (request.priority ?? 0) * TOKENS_PER_PRIORITY;
}

/**
 * Sequences with something to compute before they answer, in the order in which they get their turn:
 * answers that were interrupted, the oldest first; then the highest priority and the shortest prompt,
 * but nobody starves.
 */
export function byPriority<S extends PrioritizedSequence>(
  sequences: readonly S[],
  now: number,
): S[] {
  if (sequences.length < 2) return [...sequences];
  return sequences
    .map((sequence) => ({
      sequence,
      weight: sequence.completionTokens > 0 ? -Infinity : schedulingCost(sequence, now),
    }))
    .sort((a, b) => a.weight === b.weight ? a.sequence.id - b.sequence.id : a.weight - b.weight)
    .map(({ sequence }) => sequence);
}

/** Of sequences that run, the one that gives up its room: lowest priority first, then the youngest. */
export function preemptionCandidate<S extends PrioritizedSequence & Pick<Sequence, "paused">>(
  sequences: readonly S[],
): S | undefined {
  const rank = ({ paused, request }: S) => paused ? -Infinity : request.priority ?? 0;
  return sequences.toSorted((a, b) => rank(a) === rank(b) ? b.id - a.id : rank(a) - rank(b))[0];
}

/** Sizes the batches of prompts between those of answers, so that a long one does not make others stutter. */
export class PrefillBudget {
  #msPerToken = 0;

  /**
   * Tokens of prompts in one batch of `capacity` tokens, while `answers` wait for it. Small batches are
   * slower: where more `prompts` than answers wait, their time counts for more.
   */
  size(answers: number, prompts: number, capacity: number): number {
    if (answers === 0) return capacity;
    const crowd = Math.min(MAX_BUDGET_FACTOR, Math.max(1, prompts / answers));
    const share = this.#msPerToken === 0
      ? INITIAL_BUDGET
      : Math.max(MIN_BUDGET, Math.floor(PREFILL_BATCH_MS * crowd / this.#msPerToken));
    return Math.min(capacity, share);
  }

  /** Learns from a batch of prompts how long a token takes. */
  record(promptTokens: number, ms: number): void {
    // Steps with few tokens are ruled by reading the weights, not by the tokens.
    if (promptTokens < MIN_BUDGET) return;
    const measured = ms / promptTokens;
    this.#msPerToken = this.#msPerToken === 0 ? measured : this.#msPerToken * 0.7 + measured * 0.3;
  }
}
