import type { PrefixCache } from "../kv_cache/mod.ts";
import { ClientTurns } from "./order/client_shares.ts";
import { preemptionCandidate } from "./order/priority.ts";
import type { Sequence } from "./sequence.ts";

/**
 * Admits waiting sequences to KV cache streams, and preempts running ones if cells run out. A
 * preempted sequence continues later from its saved state.
 */
export class Scheduler {
  readonly #cache: PrefixCache;
  readonly #onBegin: (sequence: Sequence) => void;
  readonly #turns = new ClientTurns();
  /** Maximum tokens of one sequence in the context. */
  streamLength: number;
  #preemptions = 0;
  #waiting: Sequence[] = [];
  #running: Sequence[] = [];
  /** No sequence can be admitted until one ends: it would be preempted at once. */
  #isFull = false;

  /** @param onBegin called for each sequence that got its first stream. */
  constructor(
    cache: PrefixCache,
    streamLength: number,
    onBegin: (sequence: Sequence) => void,
  ) {
    this.#cache = cache;
    this.streamLength = streamLength;
    this.#onBegin = onBegin;
  }

  /** Number of preemptions so far. */
  get preemptions(): number {
    return this.#preemptions;
  }

  get waiting(): readonly Sequence[] {
    return this.#waiting;
  }

  /** Sequences with a stream. */
  get running(): readonly Sequence[] {
    return this.#running;
  }

  /** Whether there is something to compute. */
  get hasWork(): boolean {
    return this.#running.some((sequence) => !isIdle(sequence)) ||
      (this.#waiting.some(isReady) &&
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

  /** Removes a sequence. The tokens in its stream stay cached, unless `forget`. */
  remove(sequence: Sequence, forget: boolean): void {
    this.#running = this.#running.filter((one) => one !== sequence);
    this.#waiting = this.#waiting.filter((one) => one !== sequence);
    this.#isFull = false;
    if (sequence.stream === null) return;
    this.#cache.release(sequence.stream, forget);
    sequence.stream = null;
  }

  /** The first waiting sequence that is longer than a stream; undefined without any. */
  get tooLong(): Sequence | undefined {
    const long = this.#waiting.filter((one) => !one.paused && this.#isTooLong(one));
    return long.reduce<Sequence | undefined>(
      (first, one) => first === undefined || one.id < first.id ? one : first,
      undefined,
    );
  }

  #isTooLong({ tokens, maxTokens }: Sequence): boolean {
    return tokens.length + (maxTokens === 0 ? 0 : 1) > this.streamLength;
  }

  /** Admits waiting sequences. Later ones than a sequence that is too long wait until it was admitted. */
  admit(now: number): void {
    if (this.#waiting.length === 0) return;
    const held = this.tooLong?.id ?? Infinity;
    const admissible = this.#waiting.filter((one) =>
      isReady(one) && !this.#isTooLong(one) && (one.id < held || one.hasSampled)
    );
    let isFirst = true;
    for (const sequence of this.#turns.order(admissible, this.#running, now)) {
      if (!this.#hasRoom && !this.#swapOutIdle()) return;
      const { slot } = sequence.request;
      if (slot !== undefined && !this.#freeSlot(slot)) continue;
      // Cached tokens have no logits, which prompt log probabilities need.
      const useCache = (sequence.request.cachePrompt ?? true) && !sequence.scoresPrompt;
      const { scope } = sequence;
      // Another sequence is computing a prefix of this prompt: wait, because computing the prefix
      // twice takes longer.
      if (useCache && this.#cache.isBeingComputed(sequence.tokens, scope)) continue;
      // A preempted sequence may reuse its own state even if its request bypasses the cache.
      const mayReuse = useCache || (sequence.completionTokens > 0 && !sequence.scoresPrompt);
      if (!this.#hasCellsFor(sequence, mayReuse)) {
        // The first sequence gets the next free cells; later ones may use what it leaves.
        if (isFirst) return;
        continue;
      }
      isFirst = false;
      const stream = this.#cache.acquire(
        sequence.tokens,
        mayReuse,
        scope,
        sequence.boundaries,
        slot,
      );
      if (stream === null) {
        this.#isFull = true;
        return;
      }
      sequence.capacity = this.streamLength;
      if (sequence.admit(stream)) this.#onBegin(sequence);
      this.#waiting.splice(this.#waiting.indexOf(sequence), 1);
      this.#turns.admit(sequence);
      this.#running.push(sequence);
    }
  }

  /**
   * Preempts a running sequence because cells ran out.
   * @returns false if fewer than two sequences are running.
   */
  preempt(): boolean {
    if (this.#running.length < 2) return false;
    this.#swapOut(preemptionCandidate(this.#running)!);
    this.#preemptions++;
    this.#isFull = true;
    return true;
  }

  /** Returns a sequence to the waiting ones. Its tokens stay cached in its stream. */
  suspend(sequence: Sequence): void {
    this.#running.splice(this.#running.indexOf(sequence), 1);
    this.#cache.release(sequence.stream!, false);
    sequence.stream = null;
    this.#waiting.push(sequence);
    this.#isFull = false;
  }

  /** Suspends paused sequences, which may stay paused for any time. */
  suspendIdle(): void {
    for (const sequence of this.#running.filter(isIdle)) this.suspend(sequence);
  }

  /** Whether a slot is free, after a paused sequence was swapped out of it. */
  #freeSlot(slot: number): boolean {
    return this.#cache.streams[slot]?.busy === false || this.#swapOutIdle(slot);
  }

  /** Whether there are cells for a sequence, after paused sequences were swapped out for it. */
  #hasCellsFor({ tokens, scope }: Sequence, useCache: boolean): boolean {
    do {
      if (this.#cache.hasCellsFor(tokens, useCache, scope)) return true;
    } while (this.#swapOutIdle());
    return false;
  }

  /** Swaps out a paused sequence to free its stream. @returns whether there was one. */
  #swapOutIdle(slot?: number): boolean {
    const idle = preemptionCandidate(
      this.#running.filter((one) => isIdle(one) && (slot === undefined || one.stream!.id === slot)),
    );
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

/** Whether a waiting sequence can be admitted. */
function isReady({ paused, isRestoring }: Sequence): boolean {
  return !paused && !isRestoring;
}

/** Whether a sequence has nothing to compute until it is resumed. */
function isIdle({ paused, remaining }: Sequence): boolean {
  return paused && remaining <= 1;
}
