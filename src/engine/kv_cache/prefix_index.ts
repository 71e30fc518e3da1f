import type { Holder } from "./cached_prefix.ts";
import { type PrefixMatch, RadixTree } from "./radix_tree.ts";

/** Holders of cached tokens: one radix tree per scope. */
export class PrefixIndex {
  readonly #trees = new Map<string, RadixTree<Holder>>();

  /** Holders that share tokens with the beginning of `tokens`, longest match first. */
  matches(scope: string, tokens: readonly number[]): Iterable<PrefixMatch<Holder>> {
    return this.#trees.get(scope)?.matches(tokens) ?? [];
  }

  /** Tokens of a prompt that a holder has computed or will compute. */
  longestMatch(scope: string, tokens: readonly number[]): number {
    for (const { length } of this.matches(scope, tokens)) return length;
    return 0;
  }

  /** All holders of a scope. */
  holders(scope: string): readonly Holder[] {
    return [...this.#trees.get(scope)?.holders ?? []];
  }

  /** Sets the tokens of a holder in its scope. */
  set(holder: Holder, tokens: readonly number[]): void {
    let tree = this.#trees.get(holder.scope);
    if (tree === undefined) this.#trees.set(holder.scope, tree = new RadixTree());
    tree.set(holder, tokens);
  }

  /** Removes a holder from its scope. */
  delete(holder: Holder): void {
    const tree = this.#trees.get(holder.scope);
    tree?.delete(holder);
    if (tree?.isEmpty) this.#trees.delete(holder.scope);
  }
}
