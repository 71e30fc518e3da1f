import { sha256 } from "../../digest.ts";
import { tokenBytes } from "../disk_cache/mod.ts";

/** Tokens of the shortest state that is shared, and of the first level of keys. */
export const MIN_TOKENS = 64;

/** Checkpoints that a key names, at most: the last ones. */
const MOST_CHECKPOINTS = 6;

/** Hexadecimal digits of hashes: 64 bits. Tokens are compared before a state is used. */
const DIGITS = 16;

const EXTENSION = ".state";

/** A key that `stateKey` makes. Others may lead out of their folder. */
const KEY = /^(?:[0-9a-f]{16}\/)+[0-9a-f.-]+\.state$/;

/** Hashes of the beginnings of a token list, by their length. */
class PrefixHashes {
  readonly #bytes: Uint8Array;
  readonly #scope: string;
  readonly #known = new Map<number, string>();

  constructor(readonly tokens: readonly number[], scope: string) {
    this.#bytes = tokenBytes(tokens);
    this.#scope = `${scope}\0`;
  }

  at(length: number): string {
    let hash = this.#known.get(length);
    if (hash === undefined) {
      hash = sha256().update(this.#scope).update(this.#bytes.subarray(0, length * 4)).digest("hex")
        .slice(0, DIGITS);
      this.#known.set(length, hash);
    }
    return hash;
  }
}

/** 64, 128, 256, ... tokens, up to a length. */
function levelsTo(length: number): number[] {
  const levels: number[] = [];
  for (let level = MIN_TOKENS; level <= length; level *= 2) levels.push(level);
  return levels;
}

/**
 * The key of a state below the folder of its fingerprint. Its folders are hashes of the first 64, 128, 256, ...
 * tokens, so that one listing has the states that begin like a prompt. Its name has the positions from which
 * it can be continued with hashes of the tokens before them: the end, and the last checkpoints.
 */
export function stateKey(
  tokens: readonly number[],
  scope: string,
  checkpoints: readonly number[],
): string {
  const hashes = new PrefixHashes(tokens, scope);
  const folders = levelsTo(tokens.length).map((level) => `${hashes.at(level)}/`);
  const ends = checkpoints.slice(-MOST_CHECKPOINTS).filter((at) => at < tokens.length);
  const marks = [tokens.length, ...ends].map((position) => `${position}.${hashes.at(position)}`);
  return folders.join("") + marks.join("-") + EXTENSION;
}

/** What a prompt can use. */
export interface SharedQuery {
  readonly tokens: readonly number[];
  readonly scope: string;
  /** Maximum tokens of a prefix. */
  readonly limit: number;
  /** Whether a state may be truncated at any token. */
  readonly canTruncate: boolean;
  /** Maximum tokens of a state. */
  readonly sequenceLength: number;
}

/** Finds the states that begin like a prompt, by their keys alone. */
export class KeyMatcher {
  readonly #query: SharedQuery;
  readonly #hashes: PrefixHashes;
  readonly #levels: readonly number[];

  constructor(query: SharedQuery) {
    this.#query = query;
    this.#hashes = new PrefixHashes(query.tokens, query.scope);
    this.#levels = levelsTo(query.limit);
  }

  /** The folders with states that begin like the prompt, the one with the longest beginning last. */
  get folders(): string[] {
    let folder = "";
    return this.#levels.map((level) => folder += `${this.#hashes.at(level)}/`);
  }

  /** Tokens of the prompt that the state of a key provides, at least; 0 for other keys. */
  usable(key: string): number {
    const parts = key.split("/");
    const name = parts.pop()!;
    if (!KEY.test(key)) return 0;
    const texts = name.slice(0, -EXTENSION.length).split("-");
    // The first mark is the end of the state.
    if (Number.parseInt(texts[0]!) > this.#query.sequenceLength) return 0;
    const marks = texts.map((mark) => this.#mark(mark));
    const known = Math.max(0, ...marks);
    if (!this.#query.canTruncate) return known;
    const same = this.#levels.findLastIndex((_, at) => this.#isBelow(parts, at));
    return Math.max(known, this.#levels[same] ?? 0);
  }

  #isBelow(folders: readonly string[], at: number): boolean {
    return folders[at] === this.#hashes.at(this.#levels[at]!);
  }

  /** The position of a mark, if the prompt has the tokens before it; else 0. */
  #mark(mark: string): number {
    const [, digits, hash] = /^(\d{1,9})\.([0-9a-f]{16})$/.exec(mark) ?? [];
    const position = Number(digits ?? 0);
    if (position < MIN_TOKENS || position > this.#query.limit) return 0;
    return this.#hashes.at(position) === hash ? position : 0;
  }
}
