/** A node: the tokens of the edge from its parent, and the holders whose tokens pass through it. */
interface Node<H> {
  tokens: readonly number[];
  readonly children: Map<number, Node<H>>;
  readonly holders: Set<H>;
}

/** A holder and the length of its common prefix with the requested tokens. */
export interface PrefixMatch<H> {
  readonly holder: H;
  readonly length: number;
}

/**
 * A radix tree over token ids. Each holder has one token list. A lookup takes time proportional to
 * the match, independent of the number of holders.
 */
export class RadixTree<H> {
  readonly #root: Node<H> = { tokens: [], children: new Map(), holders: new Set() };
  readonly #tokens = new Map<H, readonly number[]>();

  /** Sets the tokens of a holder, replacing earlier ones. The list may change afterwards. */
  set(holder: H, tokens: readonly number[]): void {
    this.delete(holder);
    this.#tokens.set(holder, tokens.slice());
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

  /** Removes a holder. */
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

  /** Whether the tree has no holders. */
  get isEmpty(): boolean {
    return this.#tokens.size === 0;
  }

  /** The holders. */
  get holders(): Iterable<H> {
    return this.#tokens.keys();
  }

  /** The tokens of a holder. */
  get(holder: H): readonly number[] | undefined {
    return this.#tokens.get(holder);
  }

  /** Holders that share at least one token with the beginning of `tokens`, longest match first. */
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

/** Length of the common prefix of an edge and `tokens` from index `from`. */
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

/** Splits the edge to `child` after `at` tokens. @returns the new node in between. */
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
