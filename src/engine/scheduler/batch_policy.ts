import { Burst, type BurstSequence } from "./order/burst.ts";
import { byPriority, type PrioritizedSequence } from "./order/priority.ts";
import type { Sequence } from "./sequence.ts";

/** The properties of a sequence that the policy needs. */
export type BatchCandidate =
  & PrioritizedSequence
  & BurstSequence
  & Pick<Sequence, "paused">
  & Partial<Pick<Sequence, "isAtMedia">>
  & { readonly adapters: Pick<Sequence["adapters"], "key"> };

/** The sequences of the next batch, which all use the same adapters. */
export interface BatchSelection<S> {
  readonly sequences: readonly S[];
  /** Whether the batch is a prefill batch; else a decode batch. */
  readonly isPrefill: boolean;
  /** Decoding sequences whose next token is in the prefill batch too. */
  readonly riders: readonly S[];
  /** Number of decoding sequences, with any adapters. */
  readonly decoding: number;
  /** Number of prompts of a burst at its begin, which are computed before the answers go on: see `Burst`. */
  readonly burstSize?: number;
}

/**
 * Milliseconds for which sequences with the same adapters continue before others, if no prompt is
 * waiting. libllama rebuilds its graph at every change of adapters, which takes as long as one or
 * several tokens.
 */
const ADAPTER_SWITCH_MS = 50;

/**
 * Alternates between decode and prefill batches.
 *
 * A long prompt in the same batch would make the attention of every decoding sequence as long as
 * that of the prompt, and a context computes with one set of adapters at a time. Every decoding
 * sequence gets its next token, in one batch per set of adapters; then one prefill batch follows.
 * Between two tokens of a sequence there is at most one prefill batch, except after the first tokens of
 * answers whose prompts came together with others.
 *
 * In a buffer that all sequences share, each token attends over the cells of all sequences anyway. On a device,
 * the decoding sequences ride in the prefill batch there, which saves a pass over the weights. ggml's CPU code
 * computes attention in tiles of 64 rows, and a tile looks at all cells that one of its rows attends to: 89 tokens
 * of a prompt with those of 23 answers took 270 to 400 ms. Prompts alone took 1.4 to 1.9 ms a token, and the tokens
 * of 32 answers alone 140 ms.
 */
export class BatchPolicy {
  readonly #mixes: boolean;
  /** Adapter keys whose sequences were decoded since the last prefill batch. */
  readonly #decodedKeys = new Set<string>();
  readonly #burst = new Burst();
  /** Sequences whose last rows were left over by the last prefill batch. */
  #tails: readonly { readonly id: number }[] = [];
  /** Adapter key of the last decode batch, and the time since which it is used. */
  #lastBatch = { key: "", since: -Infinity };

  /** @param mixes whether decoding sequences ride in prefill batches. */
  constructor(mixes = false) {
    this.#mixes = mixes;
  }

  /**
   * Announces that the next batch computes the last rows of prompts that were in this prefill batch, so that
   * they do not wait for a decode batch.
   */
  continueWith(tails: readonly { readonly id: number }[]): void {
    this.#tails = tails;
  }

  /**
   * Selects the next batch; null if all running sequences are paused.
   * @param msPerToken milliseconds to compute a token of a prompt; 0 if not known
   */
  next<S extends BatchCandidate>(
    running: readonly S[],
    now: number,
    msPerToken = 0,
  ): BatchSelection<S> | null {
    const { key: lastKey } = this.#lastBatch;
    if (allDecode(running, lastKey)) {
      this.#tails = [];
      if (this.#decodedKeys.size > 1) this.#decodedKeys.clear();
      this.#decodedKeys.add(lastKey);
      return { sequences: [...running], isPrefill: false, riders: [], decoding: running.length };
    }
    const decoding = running.filter(({ paused, remaining }) => !paused && remaining <= 1);
    // A paused sequence is computed up to its last token, because other sequences may wait for its
    // prompt.
    const prefilling = running.filter(({ remaining }) => remaining > 1);
    const tails = prefilling.filter(({ id }) => this.#tails.some((one) => one.id === id));
    this.#tails = [];
    if (tails.length > 0) {
      return { sequences: tails, isPrefill: true, riders: [], decoding: decoding.length };
    }
    const burst = this.#burst.select(decoding, prefilling, now, msPerToken);
    if (burst.length > 0) {
      const waiting = { sequences: burst, riders: [], decoding: decoding.length };
      return { ...waiting, isPrefill: true, burstSize: this.#burst.size };
    }
    const isDecoded = ({ adapters }: S) => this.#decodedKeys.has(adapters.key);
    const keepsAdapters = prefilling.length === 0 &&
      now - this.#lastBatch.since < ADAPTER_SWITCH_MS;
    const prompt = byPriority(prefilling, now)[0];
    // A batch with rows of an image holds no tokens.
    const mixes = this.#mixes && prompt?.isAtMedia !== true;
    const rides = ({ adapters }: S) => mixes && adapters.key === prompt?.adapters.key;
    let first =
      (keepsAdapters
        ? decoding.find(({ adapters }) => adapters.key === this.#lastBatch.key)
        : undefined) ??
        decoding.find((sequence) => !isDecoded(sequence) && !rides(sequence));
    const isPrefill = first === undefined && prefilling.length > 0;
    if (first === undefined) {
      this.#decodedKeys.clear();
      first = isPrefill ? prompt : decoding[0];
    }
    if (first === undefined) return null;
    const { key } = first.adapters;
    if (!isPrefill) {
      this.#decodedKeys.add(key);
      if (key !== this.#lastBatch.key) this.#lastBatch = { key, since: now };
    }
    return {
      sequences: (isPrefill ? prefilling : decoding).filter(({ adapters }) => adapters.key === key),
      isPrefill,
      riders: isPrefill ? decoding.filter(rides) : [],
      decoding: decoding.length,
    };
  }
}

/** Whether all sequences decode with the same adapters, as in most steps. */
function allDecode(running: readonly BatchCandidate[], key: string): boolean {
  for (const { paused, remaining, adapters } of running) {
    if (paused || remaining > 1 || adapters.key !== key) return false;
  }
  return running.length > 0;
}
