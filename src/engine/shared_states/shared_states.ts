import { startOwnThread } from "../../own_thread.ts";
import type { SharedCacheLocation, SharedCacheStatus } from "../protocol/mod.ts";
import { NO_ROWS, type RowNames, type ScopedState } from "../disk_cache/mod.ts";
import { LookupCost } from "./lookup_cost.ts";
import {
  type FindResult,
  type FromKeeper,
  type PublishResult,
  SHARED_STATES_THREAD,
  type ToKeeper,
} from "./messages.ts";
import { PublishedTokens } from "./published_tokens.ts";
import { Reachability } from "./reachability.ts";
import { MIN_TOKENS, type SharedQuery } from "./state_key.ts";

/** States that wait to be written, at most, and their bytes; one alone may have more. */
const MAX_WAITING = 4;
const MAX_WAITING_BYTES = 512 * 2 ** 20;

/** A conversation is written again when it has grown by this part: else each turn would write all of it. */
const GROWTH = 1 / 8;

/** The thread that reads and writes. Tests replace it. */
export interface KeeperThread {
  postMessage(message: ToKeeper, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<FromKeeper>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  terminate(): void;
}

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

/** A message that a thread answers. */
type Asked = FindResult | PublishResult;

/**
 * States of sequences that several servers share, in a folder or in a bucket. Another thread reads and writes
 * them: a network is slow, and its data would wait for the steps of the engine. Nothing here fails: without the
 * store, prompts are computed.
 */
export class SharedStates implements Disposable {
  readonly #names: RowNames;
  readonly #thread: KeeperThread;
  readonly #asked = new Map<number, (answer: Asked | null) => void>();
  readonly #published = new PublishedTokens();
  readonly #reachability = new Reachability();
  readonly #cost = new LookupCost();
  #target!: SharedTarget;
  #isReady = false;
  #nextId = 0;
  #isEnded = false;
  readonly #writing = new Set<Promise<void>>();
  #waitingBytes = 0;
  #onNotice: (notice: string) => void = () => {};
  readonly #notices: string[] = [];
  readonly #counts = {
    ...{ hits: 0, misses: 0, late: 0, readBytes: 0 },
    ...{ writes: 0, dropped: 0, writtenBytes: 0, failures: 0 },
  };

  /** Call `use` before other methods. */
  constructor({ location, modelPaths, names, thread }: SharedStatesOptions) {
    this.#names = names ?? NO_ROWS;
    this.#thread = thread ?? startThread();
    this.#thread.onmessage = ({ data }) => this.#receive(data);
    this.#thread.onerror = (event) => {
      event.preventDefault();
      this.#isEnded = true;
      this.#failed("its thread has failed");
      for (const id of [...this.#asked.keys()]) this.#settle(id, null);
    };
    this.#thread.postMessage({ type: "open", location, modelPaths }, []);
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
    this.#onNotice = listener;
    for (const notice of this.#notices) listener(notice);
  }

  /**
   * Milliseconds that a request should wait for a state; 0 if it should not ask.
   * @param tokens tokens of its prompt that are left to compute
   */
  patience(tokens: number, msPerToken: number): number {
    if (!this.#isReady || this.#isEnded || !this.#reachability.mayAsk) return 0;
    if (tokens < MIN_TOKENS) return 0;
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
    const id = this.#nextId++;
    const mostBytes = Math.min(prompt.mostBytes, this.#target.mostBytes);
    const request = { ...prompt, ...this.#target, tokens, mostBytes };
    const cancel = () => this.#thread.postMessage({ type: "cancel", id }, []);
    signal.addEventListener("abort", cancel, { once: true });
    const result = await this.#ask<FindResult>(id, { type: "find", id, request });
    signal.removeEventListener("abort", cancel);
    return result === null ? null : this.#use(result, prompt.scope, signal);
  }

  #use(result: FindResult, scope: string, { aborted }: AbortSignal): ScopedState | null {
    const { found, bytes, lookupMs, isDamaged } = result;
    this.#cost.record(lookupMs);
    this.#counts.readBytes += bytes;
    if (isDamaged) {
      this.#counts.failures++;
      this.#note("a state is damaged or was made with another secret; its prompt is computed");
    }
    const tokens = found && this.#names.fromFile(found.stored);
    if (aborted) this.#counts.late++;
    else if (tokens === null) this.#counts.misses++;
    else this.#counts.hits++;
    if (found === null || tokens === null) return null;
    this.#published.add(found.stored.tokens, scope, found.key);
    const { state, checkpoints } = found.stored;
    return aborted ? null : { tokens, state, checkpoints, scope };
  }

  /** Counts a state that libllama does not accept. */
  refuse(): void {
    this.#counts.failures++;
    this.#note("libllama does not accept a shared state; its prompt is computed");
  }

  /** Whether other servers need a state with these tokens. */
  wants(tokens: readonly number[], scope: string): boolean {
    const named = tokens.length < MIN_TOKENS ? null : this.#names.toFile(tokens);
    if (named === null) return false;
    const more = tokens.length - this.#published.covered(named.tokens, scope);
    if (more < Math.max(MIN_TOKENS, tokens.length * GROWTH)) return false;
    const isFull = this.#writing.size >= MAX_WAITING || this.#waitingBytes >= MAX_WAITING_BYTES;
    const mayWrite = !this.#isEnded && this.#reachability.mayAsk && !isFull;
    if (!mayWrite) this.#counts.dropped++;
    return mayWrite;
  }

  /** Writes a state later. Its memory is no longer usable, that of its checkpoints is. */
  publish({ tokens, state, checkpoints, scope }: ScopedState): void {
    const named = this.#names.toFile(tokens);
    if (named === null) return;
    const bytes = state.length;
    const { identity, canTruncate } = this.#target;
    const replaced = canTruncate ? this.#published.takeReplaced(named.tokens, scope) : [];
    const written = this.#published.add(named.tokens, scope);
    const id = this.#nextId++;
    const stored = {
      ...named,
      state,
      checkpoints: checkpoints.map((one) => ({ position: one.position, state: one.state })),
    };
    const request = { identity, scope, stored, replaced };
    this.#waitingBytes += bytes;
    const writing = this.#ask<PublishResult>(id, { type: "publish", id, request }, [state.buffer])
      .then((result) => {
        this.#waitingBytes -= bytes;
        this.#writing.delete(writing);
        if (result === null) {
          this.#counts.dropped++;
          return this.#published.forget(written);
        }
        this.#published.confirm(written, result.key);
        if (result.bytes > 0) this.#counts.writes++;
        this.#counts.writtenBytes += result.bytes;
      });
    this.#writing.add(writing);
  }

  /** Whether answers of the thread are awaited: then the engine thread must yield to the event loop. */
  get isBusy(): boolean {
    return this.#asked.size > 0;
  }

  /**
   * Resolves when all waiting states are written, or after the deadline.
   * @param deadline time of `performance.now()`
   */
  async flush(deadline: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) =>
      timer = setTimeout(resolve, Math.max(0, deadline - performance.now()))
    );
    await Promise.race([Promise.all(this.#writing), late]);
    clearTimeout(timer);
  }

  get status(): SharedCacheStatus {
    return {
      ...this.#counts,
      isReady: this.#isReady,
      isReachable: this.#reachability.isReachable,
      notices: [...this.#notices],
    };
  }

  /** Ends the thread. States that are not written yet are lost. */
  [Symbol.dispose](): void {
    this.#isEnded = true;
    this.#thread.terminate();
    for (const id of [...this.#asked.keys()]) this.#settle(id, null);
  }

  /** @returns null after a failure. */
  #ask<T extends Asked>(
    id: number,
    message: ToKeeper,
    transfer: Transferable[] = [],
  ): Promise<T | null> {
    return new Promise((resolve) => {
      this.#asked.set(id, (answer) => resolve(answer as T | null));
      this.#thread.postMessage(message, transfer);
    });
  }

  #receive(message: FromKeeper): void {
    switch (message.type) {
      case "ready":
        this.#isReady = true;
        return;
      case "failed":
        this.#failed(message.reason);
        if (message.id !== null) this.#settle(message.id, null);
        return;
      default:
        if (this.#reachability.succeeded()) this.#onNotice("Shared cache: it can be used again");
        this.#settle(message.id, message.result);
    }
  }

  #settle(id: number, answer: Asked | null): void {
    const settle = this.#asked.get(id);
    this.#asked.delete(id);
    settle?.(answer);
  }

  #failed(reason: string): void {
    this.#counts.failures++;
    if (!this.#reachability.failed()) return;
    this.#note(`this server goes on without it, because ${reason}`, true);
  }

  /** @param isNews whether it is told again: another failure of the same kind after a success. */
  #note(what: string, isNews = false): void {
    const notice = `Shared cache: ${what}`;
    const isKnown = this.#notices.includes(notice);
    if (!isKnown) this.#notices.push(notice);
    if (!isKnown || isNews) this.#onNotice(notice);
  }
}

function startThread(): KeeperThread {
  const module = new URL("./thread_main.ts", import.meta.url);
  return startOwnThread(SHARED_STATES_THREAD, module) as KeeperThread;
}
