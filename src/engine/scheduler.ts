import type { Sequence } from "./sequence.ts";

/** A waiting prompt gains on the shorter ones by this many tokens for each millisecond it waits. */
const AGEING_TOKENS_PER_MS = 0.25;
/** One step of priority is worth as much as a prompt that is shorter by this many tokens. */
const TOKENS_PER_PRIORITY = 4096;
/** While answers run, a batch of prompts is sized to take about this long, in milliseconds. */
const PROMPT_SHARE_MS = 300;
/** Smaller shares would make prompts needlessly slow. */
const SMALLEST_SHARE = 32;

/** Waiting prompts in the order in which they get their turn: shortest first, but nobody starves. */
export function inTurn(sequences: readonly Sequence[], now: number): Sequence[] {
  const weight = (sequence: Sequence) =>
    sequence.remaining - (now - sequence.submitted) * AGEING_TOKENS_PER_MS -
    (sequence.request.priority ?? 0) * TOKENS_PER_PRIORITY;
  return sequences.map((sequence) => ({ sequence, weight: weight(sequence) }))
    .sort((a, b) => a.weight - b.weight)
    .map(({ sequence }) => sequence);
}

/** Sizes the batches of prompts between those of answers, so that a long one does not make others stutter. */
export class PromptShare {
  #msPerToken = 0;

  /** Tokens of prompts in one batch of `capacity` tokens, while `answers` wait for it. */
  size(answers: number, capacity: number): number {
    if (answers === 0 || this.#msPerToken === 0) return capacity;
    const share = Math.floor(PROMPT_SHARE_MS / this.#msPerToken);
    return Math.min(capacity, Math.max(SMALLEST_SHARE, share));
  }

  /** Learns from a batch of prompts how long a token takes. */
  learn(promptTokens: number, ms: number): void {
    // Steps with few tokens are ruled by reading the weights, not by the tokens.
    if (promptTokens < SMALLEST_SHARE) return;
    const measured = ms / promptTokens;
    this.#msPerToken = this.#msPerToken === 0 ? measured : this.#msPerToken * 0.7 + measured * 0.3;
  }
}
