/** A node of the tree: the tokens on the way to it from its parent, and who passes through it. */
interface Node<H> {
  tokens: readonly number[];
  readonly children: Map<number, Node<H>>;
  readonly holders: Set<H>;
}

/** Whose tokens begin like the ones asked for, and how many they have in common. */
export interface PrefixMatch<H> {
  readonly holder: H;
  readonly length: number;
}

/**
 * A radix tree over token ids that knows who holds which prefix.
 *
 * A holder has one list of tokens at a time. Looking up costs the length of the match, however many
 * holders there are.
 */
export class RadixTree<H> {
  readonly #root: Node<H> = { tokens: [], children: new Map(), holders: new Set() };
  readonly #tokens = new Map<H, readonly number[]>();

  /** Notes what a holder holds, in place of what it held before. */
  set(holder: H, tokens: readonly number[]): void {
    this.delete(holder);
    this.#tokens.set(holder, tokens);
    let node = this.#root;
    let depth = 0;
    while (depth < tokens.length) {
      const child = node.children.get(tokens[depth]!);
      if (child === undefined) {
        const leaf = {
          tokens: tokens.slice(depth),
          children: new Map(),
          holders: new Set([holder]),
        };
        node.children.set(tokens[depth]!, leaf);
        return;
      }
      const shared = commonLength(child.tokens, tokens, depth);
      const next = shared === child.tokens.length ? child : split(node, child, shared);
      next.holders.add(holder);
      node = next;
      depth += shared;
    }
  }

  /** Forgets a holder. */
  delete(holder: H): void {
    const tokens = this.#tokens.get(holder);
    if (tokens === undefined) return;
    this.#tokens.delete(holder);
    let node = this.#root;
    let depth = 0;
    while (depth < tokens.length) {
      const child = node.children.get(tokens[depth]!);
      if (child === undefined) return;
      child.holders.delete(holder);
      if (child.holders.size === 0) {
        node.children.delete(tokens[depth]!);
        return;
      }
      depth += child.tokens.length;
      node = child;
    }
  }

  /** Whether it has no holder. */
  get isEmpty(): boolean {
    return this.#tokens.size === 0;
  }

  /** What a holder holds. */
  get(holder: H): readonly number[] | undefined {
    return this.#tokens.get(holder);
  }

  /** Every holder that shares at least one token with the beginning of `tokens`, longest first. */
  *matches(tokens: readonly number[]): Generator<PrefixMatch<H>> {
    const path: { node: Node<H>; length: number }[] = [];
    let node = this.#root;
    let depth = 0;
    while (depth < tokens.length) {
      const child = node.children.get(tokens[depth]!);
      if (child === undefined) break;
      const shared = commonLength(child.tokens, tokens, depth);
      depth += shared;
      path.push({ node: child, length: depth });
      if (shared < child.tokens.length) break;
      node = child;
    }
    const seen = new Set<H>();
    for (const { node, length } of path.reverse()) {
      for (const holder of node.holders) {
        if (seen.has(holder)) continue;
        seen.add(holder);
        yield { holder, length };
      }
    }
  }
}

/** How many tokens of an edge agree with `tokens` from `from` on. */
function commonLength(
  edge: readonly number[],
  tokens: readonly number[],
  from: number,
): number {
  const end = Math.min(edge.length, tokens.length - from);
  let length = 0;
  while (length < end && edge[length] === tokens[from + length]) length++;
  return length;
}

/** Cuts the edge to `child` after `at` tokens. @returns the new node in between. */
function split<H>(parent: Node<H>, child: Node<H>, at: number): Node<H> {
  const middle: Node<H> = {
    tokens: child.tokens.slice(0, at),
    children: new Map([[child.tokens[at]!, child]]),
    holders: new Set(child.holders),
  };
  parent.children.set(child.tokens[0]!, middle);
  child.tokens = child.tokens.slice(at);
  return middle;
}
