import type { Sequence } from "../sequence.ts";

/** Ageing: a waiting prompt counts this many tokens shorter per millisecond. */
const AGEING_TOKENS_PER_MS = 0.25;
/**
 * Tokens that one step of priority is worth, and the limit of the length of a prompt in the cost.
 * At equal age a higher priority always runs first. No sequence is overtaken by sequences that
 * arrive more than 16 s later per step of priority between them.
 */
export const TOKENS_PER_PRIORITY = 4096;
/** Least target time of a prefill batch while sequences decode, in milliseconds. */
const PREFILL_BATCH_MS = 100;
/**
 * A prefill batch may take so many times as long as a decode batch: where that is long, more of them before
 * all prompts are computed would cost more than the longer gap.
 */
const PREFILL_SHARE = 3;
/** Maximum factor on the target time when waiting prompts outnumber decoding sequences. */
const MAX_BUDGET_FACTOR = 4;
/** Minimum budget in tokens; smaller batches would slow prompts down too much. */
const MIN_BUDGET = 32;
/** Budget in tokens before any batch was timed. */
const INITIAL_BUDGET = 64;

/** The properties of a sequence that determine its order. */
export type PrioritizedSequence =
  & Pick<Sequence, "id" | "remaining" | "submitted" | "hasSampled">
  & { readonly request: Pick<Sequence["request"], "priority"> };

/** Cost of a sequence; lower runs first. The length counts with a limit of one step of priority. */
export function schedulingCost(
  { remaining, submitted, request }: PrioritizedSequence,
  now: number,
): number {
  const length = TOKENS_PER_PRIORITY * remaining / (remaining + TOKENS_PER_PRIORITY);
  return length - (now - submitted) * AGEING_TOKENS_PER_MS -
    (request.priority ?? 0) * TOKENS_PER_PRIORITY;
}

/**
 * Sorts sequences that have tokens to prefill: preempted sequences first, oldest first; then by
 * priority and length, with ageing against starvation.
 */
export function byPriority<S extends PrioritizedSequence>(
  sequences: readonly S[],
  now: number,
): S[] {
  if (sequences.length < 2) return [...sequences];
  return sequences
    .map((sequence) => ({
      sequence,
      cost: sequence.hasSampled ? -Infinity : schedulingCost(sequence, now),
    }))
    .sort((a, b) => a.cost === b.cost ? a.sequence.id - b.sequence.id : a.cost - b.cost)
    .map(({ sequence }) => sequence);
}

/** The running sequence to preempt: a paused one, else the lowest priority, then the youngest. */
export function preemptionCandidate<S extends PrioritizedSequence & Pick<Sequence, "paused">>(
  sequences: readonly S[],
): S | undefined {
  const rank = ({ paused, request }: S) => paused ? -Infinity : request.priority ?? 0;
  return sequences.toSorted((a, b) => rank(a) === rank(b) ? b.id - a.id : rank(a) - rank(b))[0];
}

/** Token budget of prefill batches, so that a long prompt does not delay decoding sequences. */
export class PrefillBudget {
  #msPerToken = 0;
  #decodeMs = 0;

  /**
   * Maximum tokens of a prefill batch of `capacity` tokens, while `decoding` sequences wait for it.
   * Small batches are less efficient, so the budget grows if more prompts than decoding sequences
   * are waiting.
   */
  size(decoding: number, prompts: number, capacity: number): number {
    if (decoding === 0) return capacity;
    const factor = Math.min(MAX_BUDGET_FACTOR, Math.max(1, prompts / decoding));
    const budget = this.#msPerToken === 0
      ? INITIAL_BUDGET
      : Math.max(MIN_BUDGET, Math.floor(this.#targetMs * factor / this.#msPerToken));
    return Math.min(capacity, budget);
  }

  get #targetMs(): number {
    return Math.max(PREFILL_BATCH_MS, PREFILL_SHARE * this.#decodeMs);
  }

  /** Milliseconds to compute a token of a prompt; 0 before any batch was timed. */
  get msPerToken(): number {
    return this.#msPerToken;
  }

  /**
   * Records the time of a prefill batch.
   * @param rides whether decoding sequences were in the batch too
   */
  record(promptTokens: number, ms: number, rides = false): void {
    // Small batches are limited by reading the weights, not by the number of tokens.
    if (promptTokens < MIN_BUDGET) return;
    if (rides) this.recordDecode(Math.max(0, ms - promptTokens * this.#msPerToken));
    const own = rides ? Math.max(ms / 4, ms - this.#decodeMs) : ms;
    this.#msPerToken = moved(this.#msPerToken, own / promptTokens);
  }

  /** Records the time of a decode batch. */
  recordDecode(ms: number): void {
    this.#decodeMs = moved(this.#decodeMs, ms);
  }
}

/** A moving average; 0 before the first value. */
function moved(average: number, value: number): number {
  return average === 0 ? value : average * 0.7 + value * 0.3;
}
