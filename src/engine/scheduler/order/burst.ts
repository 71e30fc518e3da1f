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
 * A burst begins where no answer has more than its first token and as many prompts wait at least. It has the
 * prompts that are expected to be complete in time, and lasts until they are.
 */
export class Burst {
  #ids: ReadonlySet<number> = new Set();

  /** Number of prompts at the begin of the latest burst. */
  get size(): number {
    return this.#ids.size;
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
    const left = this.#left(decoding, prefilling, now);
    if (left.length > 0) return left;
    const members = begun(decoding, prefilling, now, msPerToken);
    this.#ids = new Set(members.map(({ id }) => id));
    return members;
  }

  /** The prompts of the burst that are not complete. */
  #left<S extends BurstSequence>(
    decoding: readonly S[],
    prefilling: readonly S[],
    now: number,
  ): S[] {
    if (this.#ids.size === 0 || !mayWait(decoding, now)) return [];
    return prefilling.filter(({ id }) => this.#ids.has(id));
  }
}

/** Whether the answers may wait for more prompts. */
function mayWait(decoding: readonly BurstSequence[], now: number): boolean {
  return decoding.length > 0 && now <= firstTokenAt(decoding) + MOST_MS;
}

function begun<S extends BurstSequence>(
  decoding: readonly S[],
  prefilling: readonly S[],
  now: number,
  msPerToken: number,
): S[] {
  if (msPerToken === 0 || prefilling.length < decoding.length || decoding.length === 0) return [];
  if (decoding.some(({ sampled }) => sampled !== 1)) return [];
  const { key } = decoding[0]!.adapters;
  const isNew = ({ sampled = 0, hasMedia }: S) => sampled === 0 && !hasMedia;
  const hasKey = ({ adapters }: S) => adapters.key === key;
  if (!prefilling.every(isNew) || ![...decoding, ...prefilling].every(hasKey)) return [];
  const latest = firstTokenAt(decoding) + MOST_MS;
  let end = now;
  return byPriority(prefilling, now)
    .filter(({ remaining }) => (end += remaining * msPerToken) <= latest);
}

const firstTokenAt = (decoding: readonly BurstSequence[]) =>
  Math.min(...decoding.map(({ firstTokenAt = -Infinity }) => firstTokenAt));
