import type { SharedCacheLocation, SharedCacheStatus } from "../protocol/mod.ts";
import { NO_ROWS, type RowNames, type ScopedState } from "../disk_cache/mod.ts";
import { KeeperClient, type KeeperThread } from "./keeper_client.ts";
import { LookupCost } from "./lookup_cost.ts";
import type { FindResult, PublishResult } from "./messages.ts";
import { PublishedTokens } from "./published_tokens.ts";
import { SharedSessions } from "./sessions/shared_sessions.ts";
import { MIN_TOKENS, type SharedQuery } from "./state_key.ts";

/** A conversation is written again when it has grown by this part: else each turn would write all of it. */
const GROWTH = 1 / 8;

export interface SharedStatesOptions {
  readonly location: SharedCacheLocation;
  readonly modelPaths: readonly string[];
  /** Names of the rows of images. Default: the model reads no images. */
  readonly names?: RowNames;
  /** @default a thread of this program */
  readonly thread?: KeeperThread;
}

/** What the states of the current context depend on. */
export interface SharedTarget {
  /** Everything besides the model's files that makes a state unusable for another context. */
  readonly identity: string;
  /** Whether a state may be truncated at any token. */
  readonly canTruncate: boolean;
  /** Maximum tokens of a sequence. */
  readonly sequenceLength: number;
  /** Maximum bytes of a state: what the context could have written. */
  readonly mostBytes: number;
}

/** What a prompt can use: see {@linkcode SharedQuery}. */
export interface SharedPrompt extends Omit<SharedQuery, keyof SharedTarget> {
  /** Tokens of the prompt that are known already. */
  readonly known: number;
  /** Milliseconds to compute a token of a prompt; 0 if not known. */
  readonly msPerToken: number;
  /** Maximum bytes of a state. */
  readonly mostBytes: number;
}

/**
 * States of sequences that several servers share, in a folder or in a bucket. Another thread reads and writes
 * them: a network is slow, and its data would wait for the steps of the engine. Nothing here fails: without the
 * store, prompts are computed.
 */
export class SharedStates implements Disposable {
  readonly #names: RowNames;
  readonly #keeper: KeeperClient;
  readonly #published = new PublishedTokens();
  readonly #cost = new LookupCost();
  #target!: SharedTarget;
  /** Sessions by name. */
  readonly sessions: SharedSessions;

  /** Call `use` before other methods. */
  constructor({ location, modelPaths, names, thread }: SharedStatesOptions) {
    this.#names = names ?? NO_ROWS;
    this.#keeper = new KeeperClient(location, modelPaths, thread);
    this.sessions = new SharedSessions(this.#keeper, this.#names, () => this.#target);
  }

  /** Uses the states of a context. Call it again when the context is replaced. */
  use(target: SharedTarget): void {
    this.#target = target;
  }

  /** Identifies the context that is used. */
  get identity(): string {
    return this.#target.identity;
  }

  /** Tokens that a state must save to be worth a read or a write. */
  readonly minTokens = MIN_TOKENS;

  /** Receives the notices from now on, and earlier ones at once. */
  set onNotice(listener: (notice: string) => void) {
    this.#keeper.onNotice = listener;
  }

  /**
   * Milliseconds that a request should wait for a state; 0 if it should not ask.
   * @param tokens tokens of its prompt that are left to compute
   */
  patience(tokens: number, msPerToken: number): number {
    if (!this.#keeper.isReady || !this.#keeper.mayAsk || tokens < MIN_TOKENS) return 0;
    return this.#cost.patience(tokens, msPerToken);
  }

  /**
   * Reads the state that has the longest beginning of a prompt. Images have the numbers of this process.
   * @param signal ends the read.
   * @returns null if there is none, or if computing is faster.
   */
  async find(prompt: SharedPrompt, signal: AbortSignal): Promise<ScopedState | null> {
    const named = this.#names.toFile(prompt.tokens);
    if (named === null) return null;
    const { tokens } = named;
    const mostBytes = Math.min(prompt.mostBytes, this.#target.mostBytes);
    const request = { ...prompt, ...this.#target, tokens, mostBytes };
    const result = await this.#keeper.ask<FindResult>({ type: "find", request }, signal);
    return result === null ? null : this.#use(result, prompt.scope, signal);
  }

  #use(result: FindResult, scope: string, { aborted }: AbortSignal): ScopedState | null {
    const { found, bytes, lookupMs, isDamaged } = result;
    this.#cost.record(lookupMs);
    const { counts } = this.#keeper;
    counts.readBytes += bytes;
    if (isDamaged) {
      this.#keeper.refuse(
        "a state is damaged or was made with another secret; its prompt is computed",
      );
    }
    const tokens = found && this.#names.fromFile(found.stored);
    if (aborted) counts.late++;
    else if (tokens === null) counts.misses++;
    else counts.hits++;
    if (found === null || tokens === null) return null;
    this.#published.add(found.stored.tokens, scope, found.key);
    const { state, checkpoints } = found.stored;
    return aborted ? null : { tokens, state, checkpoints, scope };
  }

  /** Counts a state that libllama does not accept. */
  refuse(): void {
    this.#keeper.refuse("libllama does not accept a shared state; its prompt is computed");
  }

  /** Whether other servers need a state with these tokens. */
  wants(tokens: readonly number[], scope: string): boolean {
    const named = tokens.length < MIN_TOKENS ? null : this.#names.toFile(tokens);
    if (named === null) return false;
    const more = tokens.length - this.#published.covered(named.tokens, scope);
    if (more < Math.max(MIN_TOKENS, tokens.length * GROWTH)) return false;
    const mayWrite = this.#keeper.mayAsk && !this.#keeper.isFull;
    if (!mayWrite) this.#keeper.counts.dropped++;
    return mayWrite;
  }

  /** Writes a state later. Its memory is no longer usable, that of its checkpoints is. */
  publish({ tokens, state, checkpoints, scope }: ScopedState): void {
    const named = this.#names.toFile(tokens);
    if (named === null) return;
    const { identity, canTruncate } = this.#target;
    const replaced = canTruncate ? this.#published.takeReplaced(named.tokens, scope) : [];
    const written = this.#published.add(named.tokens, scope);
    const stored = {
      ...named,
      state,
      checkpoints: checkpoints.map((one) => ({ position: one.position, state: one.state })),
    };
    const request = { identity, scope, stored, replaced };
    const { counts } = this.#keeper;
    void this.#keeper.write<PublishResult>({ type: "publish", request }, state).then((result) => {
      if (result === null) {
        counts.dropped++;
        return this.#published.forget(written);
      }
      this.#published.confirm(written, result.key);
      if (result.bytes > 0) counts.writes++;
      counts.writtenBytes += result.bytes;
    });
  }

  /** Whether answers of the thread are awaited: then the engine thread must yield to the event loop. */
  get isBusy(): boolean {
    return this.#keeper.isBusy;
  }

  /**
   * Resolves when all waiting states are written, or after the deadline.
   * @param deadline time of `performance.now()`
   */
  flush(deadline: number): Promise<void> {
    return this.#keeper.flush(deadline);
  }

  get status(): SharedCacheStatus {
    const { counts, failures, isReady, isReachable, notices } = this.#keeper;
    return { ...counts, failures, isReady, isReachable, notices };
  }

  /** Ends the thread. States that are not written yet are lost. */
  [Symbol.dispose](): void {
    this.#keeper[Symbol.dispose]();
  }
}
