import { startOwnThread } from "../../own_thread.ts";
import type { SharedCacheLocation } from "../protocol/mod.ts";
import {
  type FromKeeper,
  type KeeperResult,
  SHARED_STATES_THREAD,
  type ToKeeper,
} from "./messages.ts";
import { Reachability } from "./reachability.ts";

/** States that wait to be written, at most, and their bytes; one alone may have more. */
const MAX_WAITING = 4;
const MAX_WAITING_BYTES = 512 * 2 ** 20;

/** The thread that reads and writes. Tests replace it. */
export interface KeeperThread {
  postMessage(message: ToKeeper, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<FromKeeper>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  terminate(): void;
}

/** A message that the thread answers, without its number. */
type Question = ToKeeper extends infer One
  ? One extends { readonly id: number } ? Omit<One, "id"> : never
  : never;

/**
 * The engine's side of the thread that reads and writes in the place that servers share: what it is asked, whether
 * the place can be reached, and what is told of it. Nothing here fails.
 */
export class KeeperClient implements Disposable {
  readonly #thread: KeeperThread;
  readonly #asked = new Map<number, (answer: KeeperResult | null) => void>();
  readonly #reachability = new Reachability();
  readonly #writing = new Set<Promise<unknown>>();
  #waitingBytes = 0;
  #nextId = 0;
  #isReady = false;
  #isEnded = false;
  #failures = 0;
  #onNotice: (notice: string) => void = () => {};
  readonly #notices: string[] = [];

  constructor(
    location: SharedCacheLocation,
    modelPaths: readonly string[],
    thread: KeeperThread = startThread(),
  ) {
    this.#thread = thread;
    this.#thread.onmessage = ({ data }) => this.#receive(data);
    this.#thread.onerror = (event) => {
      event.preventDefault();
      this.#isEnded = true;
      this.#failed("its thread has failed");
      this.#settleAll();
    };
    this.#thread.postMessage({ type: "open", location, modelPaths }, []);
  }

  /** Counters of the status. */
  readonly counts = {
    ...{ hits: 0, misses: 0, late: 0, readBytes: 0 },
    ...{ writes: 0, dropped: 0, writtenBytes: 0 },
  };

  /** Whether the model's files are read, which identifies them: from then on, states are found. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** False from a failure on, until a request succeeds again. */
  get isReachable(): boolean {
    return this.#reachability.isReachable;
  }

  /** Whether a request may be sent now. */
  get mayAsk(): boolean {
    return !this.#isEnded && this.#reachability.mayAsk;
  }

  /** Whether too many states wait to be written. */
  get isFull(): boolean {
    return this.#writing.size >= MAX_WAITING || this.#waitingBytes >= MAX_WAITING_BYTES;
  }

  /** Whether answers of the thread are awaited: then the engine thread must yield to the event loop. */
  get isBusy(): boolean {
    return this.#asked.size > 0;
  }

  /** Reads and writes that failed, and states that are not used. */
  get failures(): number {
    return this.#failures;
  }

  /** Each kind of failure once. */
  get notices(): readonly string[] {
    return [...this.#notices];
  }

  /** Receives the notices from now on, and earlier ones at once. */
  set onNotice(listener: (notice: string) => void) {
    this.#onNotice = listener;
    for (const notice of this.#notices) listener(notice);
  }

  /**
   * Asks the thread.
   * @param signal tells the thread that nothing waits for the answer any more
   * @returns null after a failure.
   */
  async ask<T extends KeeperResult>(question: Question, signal?: AbortSignal): Promise<T | null> {
    const id = this.#nextId++;
    const cancel = () => this.#thread.postMessage({ type: "cancel", id }, []);
    signal?.addEventListener("abort", cancel, { once: true });
    const answer = await this.#send(id, question, []);
    signal?.removeEventListener("abort", cancel);
    return answer as T | null;
  }

  /**
   * Sends a state that is to be written. Its memory is no longer usable.
   * @returns null after a failure.
   */
  write<T extends KeeperResult>(
    question: Question,
    state: Uint8Array<ArrayBuffer>,
  ): Promise<T | null> {
    const bytes = state.length;
    this.#waitingBytes += bytes;
    const sent = this.#send(this.#nextId++, question, [state.buffer]);
    const writing: Promise<T | null> = sent.then((answer) => {
      this.#waitingBytes -= bytes;
      this.#writing.delete(writing);
      return answer as T | null;
    });
    this.#writing.add(writing);
    return writing;
  }

  #send(
    id: number,
    question: Question,
    transfer: Transferable[],
  ): Promise<KeeperResult | null> {
    if (this.#isEnded) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      this.#thread.postMessage({ ...question, id } as ToKeeper, transfer);
    });
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

  /** Counts a state that is not used, and tells it once. */
  refuse(what: string): void {
    this.#failures++;
    this.#note(what);
  }

  /** Ends the thread. States that are not written yet are lost. */
  [Symbol.dispose](): void {
    this.#isEnded = true;
    this.#thread.terminate();
    this.#settleAll();
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
      case "done":
        if (this.#reachability.succeeded()) this.#onNotice("Shared cache: it can be used again");
        this.#settle(message.id, message.result);
    }
  }

  #settle(id: number, answer: KeeperResult | null): void {
    const settle = this.#asked.get(id);
    this.#asked.delete(id);
    settle?.(answer);
  }

  #settleAll(): void {
    for (const id of [...this.#asked.keys()]) this.#settle(id, null);
  }

  #failed(reason: string): void {
    this.#failures++;
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
