/** Cells of the counters in the shared memory. */
const CELL = { announced: 0, received: 1, work: 2, limit: 3 } as const;

/** What the engine thread does, as another thread sees it. */
export interface WorkState {
  /** Changes whenever the thread begins or ends a piece of work or receives a message. */
  readonly progress: string;
  /** Whether the thread works, or has a message to receive. */
  readonly isBusy: boolean;
  /** Seconds that the current piece of work may take; 0: no limit. */
  readonly limit: number;
}

/**
 * Flags in memory that both threads share, for signals that cannot wait for a message: the engine
 * thread is inside a native call most of the time.
 */
export class EngineFlags {
  readonly #bytes: Uint8Array<SharedArrayBuffer>;
  readonly #counters: Int32Array<SharedArrayBuffer>;

  constructor(readonly buffer: SharedArrayBuffer = new SharedArrayBuffer(20)) {
    this.#bytes = new Uint8Array(buffer, 0, 4);
    this.#counters = new Int32Array(buffer, 4, 4);
  }

  /**
   * Byte 0 is the abort flag, which native code reads as a C string (see `abortCheck`). Byte 1
   * terminates the string and is always 0.
   */
  get abortBytes(): Uint8Array<SharedArrayBuffer> {
    return this.#bytes;
  }

  /** Aborts the running native computation and every later one. */
  abort(): void {
    Atomics.store(this.#bytes, 0, 1);
  }

  /** Cancels the load at its next progress report. */
  cancelLoading(): void {
    Atomics.store(this.#bytes, 2, 1);
  }

  get isLoadingCancelled(): boolean {
    return Atomics.load(this.#bytes, 2) !== 0;
  }

  /** Call before posting a message to the engine thread. */
  announceMessage(): void {
    Atomics.add(this.#counters, CELL.announced, 1);
  }

  /** The engine thread calls it for each message. */
  receiveMessage(): void {
    Atomics.add(this.#counters, CELL.received, 1);
  }

  /** Whether a message is on its way to the engine thread. */
  get hasUnreceived(): boolean {
    return Atomics.load(this.#counters, CELL.announced) !==
      Atomics.load(this.#counters, CELL.received);
  }

  /**
   * The engine thread begins a piece of work, or goes on with the next one.
   * @param limit seconds after which the thread counts as hung; 0: never.
   */
  beginWork(limit: number): void {
    Atomics.store(this.#counters, CELL.limit, Math.ceil(limit));
    Atomics.add(this.#counters, CELL.work, this.#isWorking ? 2 : 1);
  }

  /** The engine thread has ended a piece of work. */
  endWork(): void {
    if (this.#isWorking) Atomics.add(this.#counters, CELL.work, 1);
  }

  get work(): WorkState {
    const [, received, work, limit] = this.#counters;
    return {
      progress: `${received} ${work}`,
      isBusy: this.#isWorking || this.hasUnreceived,
      limit: limit!,
    };
  }

  /** The counter of work is odd during a piece of work. */
  get #isWorking(): boolean {
    return (Atomics.load(this.#counters, CELL.work) & 1) === 1;
  }
}
