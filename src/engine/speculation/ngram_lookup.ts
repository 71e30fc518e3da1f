/** Tokens that must agree before what followed them is proposed; longer agreements are tried first. */
const LONGEST = 4;
const SHORTEST = 2;

/**
 * Finds what came after the last tokens of a sequence when they came before: in text that repeats
 * itself, such as code that is edited or documents that are quoted, it often comes again.
 *
 * (Prompt lookup decoding, https://github.com/apoorvumang/prompt-lookup-decoding.)
 */
export class NgramLookup {
  readonly #tokens: readonly number[];
  /** For each length of an n-gram: its hash to the position after its last occurrence. */
  readonly #after = new Map<number, Map<number, number>>();
  #indexed = 0;

  /** @param tokens the sequence's own list, which grows as it runs. */
  constructor(tokens: readonly number[]) {
    this.#tokens = tokens;
    for (let size = SHORTEST; size <= LONGEST; size++) this.#after.set(size, new Map());
  }

  /**
   * `limit` tokens that may come next; none where the end was not seen before. Where what came then
   * reaches the end of the text, it is taken to repeat itself.
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

  /** Takes in the tokens that came since the last time, up to but without the end that is looked up. */
  #index(): void {
    const end = this.#tokens.length - 1;
    for (let at = this.#indexed + 1; at <= end; at++) {
      for (let size = SHORTEST; size <= LONGEST; size++) {
        if (at >= size) this.#after.get(size)!.set(this.#hash(at, size), at);
      }
    }
    this.#indexed = Math.max(this.#indexed, end);
  }

  /** Hash of the `size` tokens before `end`; different n-grams may share one. */
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
