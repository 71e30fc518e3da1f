import type { Sequence } from "../sequence.ts";
import { byPriority, type PrioritizedSequence } from "./priority.ts";

/** Milliseconds that an answer may wait after its first token for the prompts that came with its own. */
const MOST_MS = 3000;

/** The properties of a sequence that tell whether it belongs to a burst. */
export type BurstSequence =
  & PrioritizedSequence
  & Partial<Pick<Sequence, "sampled" | "firstTokenAt" | "hasMedia">>
  & { readonly adapters: Pick<Sequence["adapters"], "key"> };

/**
 * Prompts that came together with those of the answers that decode. They are computed before the answers go
 * on: there is one gap after the first token instead of one for each batch of prompts, no batch decodes a few
 * answers alone, and the answers end together.
 *
 * A burst begins where no answer has more than its first token and as many prompts wait at least. Its first part
 * has the prompts that are expected to be complete in time, and lasts until they are. After the next token of all
 * answers, further parts have the prompts that were left.
 */
export class Burst {
  /** The prompts of the latest part. */
  #part: ReadonlySet<number> = new Set();
  /** Time until which the answers wait for that part. */
  #until = -Infinity;
  /** The prompts that waited when the burst began, without those that are too long for a part. */
  #together: ReadonlySet<number> = new Set();

  /** Number of prompts at the begin of the latest part. */
  get size(): number {
    return this.#part.size;
  }

  /**
   * The prompts to compute now, before the answers go on; none where there is no burst.
   * @param msPerToken milliseconds to compute a token of a prompt; 0 if not known
   */
  select<S extends BurstSequence>(
    decoding: readonly S[],
    prefilling: readonly S[],
    now: number,
    msPerToken: number,
  ): readonly S[] {
    if (decoding.length === 0) return [];
    const begun = now <= this.#until ? prefilling.filter(({ id }) => this.#part.has(id)) : [];
    if (begun.length > 0) return begun;
    if (msPerToken === 0) return [];
    const timeOf = ({ remaining }: S) => remaining * msPerToken;
    let prompts: readonly S[] = [];
    let end = now;
    if (isBegin(decoding, prefilling)) {
      prompts = prefilling;
      const together = prompts.filter((prompt) => timeOf(prompt) <= MOST_MS);
      this.#together = new Set(together.map(({ id }) => id));
      this.#until = Math.min(...decoding.map(({ firstTokenAt = -Infinity }) => firstTokenAt)) +
        MOST_MS;
    } else if (decoding.every(({ sampled = 0 }) => sampled > 1)) {
      const left = prefilling.filter(({ id }) => this.#together.has(id));
      if (left.every(isNew) && haveSameAdapters([...decoding, ...left])) prompts = left;
      this.#until = now + MOST_MS;
    }
    const part = byPriority(prompts, now)
      .filter((prompt) => (end += timeOf(prompt)) <= this.#until);
    this.#part = new Set(part.map(({ id }) => id));
    return part;
  }
}

/** Whether a burst begins. */
function isBegin<S extends BurstSequence>(decoding: readonly S[], prefilling: readonly S[]) {
  return prefilling.length >= decoding.length && decoding.every(({ sampled }) => sampled === 1) &&
    prefilling.every(isNew) && haveSameAdapters([...decoding, ...prefilling]);
}

function isNew({ sampled = 0, hasMedia }: BurstSequence): boolean {
  return sampled === 0 && !hasMedia;
}

function haveSameAdapters(sequences: readonly BurstSequence[]): boolean {
  return sequences.every(({ adapters }) => adapters.key === sequences[0]!.adapters.key);
}
