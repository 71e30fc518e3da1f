import { PrefixChecksums } from "../disk_cache/mod.ts";

/** States that are remembered. One has about 200 bytes. */
const MOST = 1_000;

interface Published {
  readonly scope: string;
  readonly length: number;
  readonly checksum: number;
  /** Null while the state is being written. */
  key: string | null;
}

/** The states that this process has written or read, so that it does not write the same tokens again. */
export class PublishedTokens {
  readonly #states: Published[] = [];

  /** Adds the tokens of a state. @returns what `confirm` and `forget` take. */
  add(tokens: readonly number[], scope: string, key: string | null = null): Published {
    const { length } = tokens;
    const checksum = new PrefixChecksums(tokens, scope).at(length);
    const state: Published = { scope, length, checksum, key };
    this.#states.push(state);
    if (this.#states.length > MOST) this.#states.shift();
    return state;
  }

  /** The state is written. */
  confirm(state: Published, key: string): void {
    state.key = key;
  }

  /** The state could not be written, or is gone. */
  forget(state: Published): void {
    const at = this.#states.indexOf(state);
    if (at >= 0) this.#states.splice(at, 1);
  }

  /** Tokens of the longest state that a token list begins with. */
  covered(tokens: readonly number[], scope: string): number {
    return Math.max(0, ...this.#beginningsOf(tokens, scope).map(({ length }) => length));
  }

  /** Takes the written states that a longer token list begins with, and returns their keys. */
  takeReplaced(tokens: readonly number[], scope: string): string[] {
    const replaced = this.#beginningsOf(tokens, scope)
      .filter(({ length, key }) => key !== null && length < tokens.length);
    for (const state of replaced) this.forget(state);
    return replaced.map(({ key }) => key!);
  }

  #beginningsOf(tokens: readonly number[], scope: string): Published[] {
    const checksums = new PrefixChecksums(tokens, scope);
    // By length: each checksum then continues the one before.
    return this.#states.filter((one) => one.scope === scope && one.length <= tokens.length)
      .sort((a, b) => a.length - b.length)
      .filter(({ length, checksum }) => checksums.at(length) === checksum);
  }
}
