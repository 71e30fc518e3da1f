/** Lengths of n-grams; longer n-grams are tried first. */
const LONGEST = 4;
const SHORTEST = 2;
/** Tokens that one call indexes at most, about five milliseconds: other sequences wait for it. */
const MOST_INDEXED = 8192;

/**
 * Prompt lookup decoding: proposes the tokens that followed an earlier occurrence of the last
 * tokens of a sequence. Repetitive text, such as edited code or quoted documents, often continues
 * the same way.
 *
 * Source: https://github.com/apoorvumang/prompt-lookup-decoding.
 */
export class NgramLookup {
  readonly #tokens: readonly number[];
  /** By n-gram length: hash of the n-gram to the position after its last occurrence. */
  readonly #after = new Map<number, Map<number, number>>();
  #indexed = 0;

  /** @param tokens the token list of the sequence, which grows as the sequence runs. */
  constructor(tokens: readonly number[]) {
    this.#tokens = tokens;
    for (let size = SHORTEST; size <= LONGEST; size++) this.#after.set(size, new Map());
  }

  /**
   * Proposes `limit` tokens, or none if the last tokens did not occur before. A continuation that
   * reaches the end of the sequence is repeated periodically.
   */
  propose(limit: number): number[] {
    this.#index();
    const tokens = this.#tokens;
    for (let size = LONGEST; size >= SHORTEST; size--) {
      if (tokens.length <= size) continue;
      const position = this.#after.get(size)!.get(this.#hash(tokens.length, size));
      if (position === undefined || !this.#agrees(position, size)) continue;
      const period = tokens.length - position;
      return Array.from({ length: limit }, (_, index) => tokens[position + index % period]!);
    }
    return [];
  }

  /** Indexes the next tokens that are not indexed yet, except the last token. */
  #index(): void {
    const end = Math.min(this.#tokens.length - 1, this.#indexed + MOST_INDEXED);
    for (let at = this.#indexed + 1; at <= end; at++) {
      for (let size = SHORTEST; size <= LONGEST; size++) {
        if (at >= size) this.#after.get(size)!.set(this.#hash(at, size), at);
      }
    }
    this.#indexed = Math.max(this.#indexed, end);
  }

  /** Hash of the `size` tokens before `end`. Different n-grams may have the same hash. */
  #hash(end: number, size: number): number {
    let hash = 17;
    for (let at = end - size; at < end; at++) hash = (Math.imul(hash, 31) + this.#tokens[at]!) | 0;
    return hash;
  }

  #agrees(position: number, size: number): boolean {
    const end = this.#tokens.length;
    for (let back = 1; back <= size; back++) {
      if (this.#tokens[position - back] !== this.#tokens[end - back]) return false;
    }
    return true;
  }
}
