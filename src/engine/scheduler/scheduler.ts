import type { PrefixCache } from "../kv_cache/mod.ts";
import { byPriority, preemptionCandidate } from "./priority.ts";
import type { Sequence } from "./sequence.ts";

/**
 * Who runs and who waits: gives the streams of the KV cache to sequences, and takes them back where
 * others need them more. A sequence that lost its stream goes on later, from its saved state.
 */
export class Scheduler {
  readonly #cache: PrefixCache;
  readonly #onBegin: (sequence: Sequence) => void;
  #preemptions = 0;
  #waiting: Sequence[] = [];
  #running: Sequence[] = [];
  /** No room for another sequence until one ends: it would be taken back at once. */
  #isFull = false;

  /** @param onBegin hears of each sequence that has just got its first stream. */
  constructor(cache: PrefixCache, onBegin: (sequence: Sequence) => void) {
    this.#cache = cache;
    this.#onBegin = onBegin;
  }

  /** Sequences that lost their cells to others so far. */
  get preemptions(): number {
    return this.#preemptions;
  }

  get waiting(): readonly Sequence[] {
    return this.#waiting;
  }

  /** Those with a stream. */
  get running(): readonly Sequence[] {
    return this.#running;
  }

  /** Whether there is something to compute now. */
  get hasWork(): boolean {
    return this.#running.some((sequence) => !isIdle(sequence)) ||
      (this.#waiting.some(({ paused }) => !paused) &&
        (this.#hasRoom || this.#running.some(isIdle)));
  }

  get #hasRoom(): boolean {
    return !this.#isFull && this.#cache.hasFreeStream;
  }

  find(id: number): Sequence | undefined {
    return this.#running.find((one) => one.id === id) ??
      this.#waiting.find((one) => one.id === id);
  }

  add(sequence: Sequence): void {
    this.#waiting.push(sequence);
  }

  /** Takes a sequence out; what its stream holds stays known, unless `forget`. */
  remove(sequence: Sequence, forget: boolean): void {
    this.#running = this.#running.filter((one) => one !== sequence);
    this.#waiting = this.#waiting.filter((one) => one !== sequence);
    this.#isFull = false;
    if (sequence.stream === null) return;
    this.#cache.release(sequence.stream, forget);
    sequence.stream = null;
  }

  /** Gives streams to waiting sequences. */
  admit(now: number): void {
    if (this.#waiting.length === 0) return;
    for (const sequence of byPriority(this.#waiting.filter(({ paused }) => !paused), now)) {
      if (!this.#hasRoom && !this.#swapOutIdle()) return;
      // What is cached has no logits, which log probabilities of the prompt are made from.
      const useCache = (sequence.request.cachePrompt ?? true) && !sequence.scoresPrompt;
      const { scope } = sequence;
      // Somebody is computing what this one begins with: computing it twice would take longer.
      if (useCache && this.#cache.isBeingComputed(sequence.tokens, scope)) continue;
      // What an interrupted answer had computed is its own, also where others' prompts are not wanted.
      const mayReuse = useCache || sequence.completionTokens > 0;
      const stream = this.#cache.acquire(sequence.tokens, mayReuse, scope);
      if (stream === null) {
        this.#isFull = true;
        return;
      }
      if (sequence.admit(stream)) this.#onBegin(sequence);
      this.#waiting.splice(this.#waiting.indexOf(sequence), 1);
      this.#running.push(sequence);
    }
  }

  /**
   * The cells have run out: one of those that run gives up its own and goes on later.
   * @returns false where that would leave none.
   */
  preempt(): boolean {
    if (this.#running.length < 2) return false;
    this.#swapOut(preemptionCandidate(this.#running)!);
    this.#preemptions++;
    this.#isFull = true;
    return true;
  }

  /** Takes the stream of one whose reader has stopped. @returns whether there was one. */
  #swapOutIdle(): boolean {
    const idle = preemptionCandidate(this.#running.filter(isIdle));
    if (idle === undefined) return false;
    this.#swapOut(idle);
    this.#isFull = false;
    return true;
  }

  #swapOut(sequence: Sequence): void {
    this.#running.splice(this.#running.indexOf(sequence), 1);
    this.#cache.swapOut(sequence.stream!);
    sequence.stream = null;
    this.#waiting.push(sequence);
  }
}

/** Nothing of it is to be computed until it is resumed. */
function isIdle({ paused, remaining }: Sequence): boolean {
  return paused && remaining <= 1;
}
