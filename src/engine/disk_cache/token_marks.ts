import { crc32 } from "../../digest.ts";

/** Tokens between two marks. Of several files with a prefix in common, the marks find the best but for these. */
export const BLOCK = 16;

/**
 * Checksums of the beginnings of a token list. They find a common prefix without the tokens. Equal checksums
 * only suggest equal tokens: compare the tokens before use.
 */
export interface TokenMarks {
  /** Number of tokens, and the checksum of all tokens. */
  readonly length: number;
  readonly whole: number;
  /** Checksums of the first `BLOCK`, 2 x `BLOCK`, ... tokens. */
  readonly blocks: readonly number[];
  /** Positions of checkpoints, ascending, with the checksums of the tokens before them. */
  readonly checkpoints: readonly (readonly [position: number, checksum: number])[];
}

/** Tokens as little-endian 32-bit numbers. */
export function tokenBytes(tokens: readonly number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Int32Array.from(tokens).buffer);
}

/** Checksums of the beginnings of one token list, computed on demand. */
export class PrefixChecksums {
  readonly #bytes: Uint8Array;
  readonly #seed: number;
  readonly #known = new Map<number, number>();
  /** The last computed checksum: later ones continue from it. */
  #last = { length: 0, checksum: 0 };

  /** @param scope tokens of different scopes have different checksums. */
  constructor(readonly tokens: readonly number[], scope: string) {
    this.#bytes = tokenBytes(tokens);
    this.#seed = crc32(new TextEncoder().encode(scope));
    this.#last.checksum = this.#seed;
  }

  /** The checksum of the first `length` tokens. */
  at(length: number): number {
    let checksum = this.#known.get(length);
    if (checksum === undefined) {
      const from = this.#last.length <= length ? this.#last : { length: 0, checksum: this.#seed };
      checksum = crc32(this.#bytes.subarray(from.length * 4, length * 4), from.checksum);
      this.#known.set(length, checksum);
      this.#last = { length, checksum };
    }
    return checksum;
  }
}

/** The marks of a token list. */
export function markTokens(
  tokens: readonly number[],
  scope: string,
  checkpoints: readonly number[],
): TokenMarks {
  const checksums = new PrefixChecksums(tokens, scope);
  const blocks = Array.from(
    { length: Math.floor(tokens.length / BLOCK) },
    (_, index) => checksums.at((index + 1) * BLOCK),
  );
  return {
    length: tokens.length,
    whole: checksums.at(tokens.length),
    blocks,
    checkpoints: checkpoints.map((position) => [position, checksums.at(position)]),
  };
}

/**
 * Tokens of a prompt that a marked state can provide.
 *
 * @param limit maximum number of tokens
 * @param canTruncate whether the state may be truncated at any token; if not, at checkpoints only
 */
export function usableTokens(
  marks: TokenMarks,
  prompt: PrefixChecksums,
  limit: number,
  canTruncate: boolean,
): number {
  const most = Math.min(limit, prompt.tokens.length);
  const has = (length: number, checksum: number) =>
    length <= most && prompt.at(length) === checksum;
  if (has(marks.length, marks.whole)) return marks.length;
  if (!canTruncate) {
    return marks.checkpoints.findLast(([position, sum]) => has(position, sum))?.[0] ?? 0;
  }
  // Tokens that differ in one block differ in all later ones.
  let low = 0;
  let high = Math.min(marks.blocks.length, Math.floor(most / BLOCK));
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (has(middle * BLOCK, marks.blocks[middle - 1]!)) low = middle;
    else high = middle - 1;
  }
  return low * BLOCK;
}
