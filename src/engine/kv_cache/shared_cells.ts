import type { KvStream } from "./cached_prefix.ts";

/** Cells for the first tokens of an answer. */
const MIN_ANSWER_CELLS = 64;

/** Cells that running sequences need in a buffer that all streams share. */
export class SharedCells {
  readonly #needs = new Map<KvStream, { readonly tokens: number; readonly shared: number }>();

  /**
   * Records a sequence that begins to run.
   * @param tokens length of its prompt
   * @param shared tokens whose cells another running sequence holds too
   */
  add(stream: KvStream, tokens: number, shared: number): void {
    this.#needs.set(stream, { tokens, shared });
  }

  remove(stream: KvStream): void {
    this.#needs.delete(stream);
  }

  /**
   * Whether a prompt has cells beside the running sequences. A sequence alone is never refused.
   * @param needed cells of the prompt
   * @param total cells of the buffer
   */
  haveRoomFor(needed: number, total: number): boolean {
    if (this.#needs.size === 0) return true;
    const taken = this.#needs.entries().reduce(
      (sum, [stream, { tokens, shared }]) => sum + Math.max(tokens, stream.tokens.length) - shared,
      0,
    );
    return taken + needed + MIN_ANSWER_CELLS <= total;
  }
}
