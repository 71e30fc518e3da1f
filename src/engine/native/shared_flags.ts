/**
 * Flags in memory that both threads share, for signals that cannot wait for a message: the engine
 * thread is inside a native call most of the time.
 */
export class EngineFlags {
  readonly #bytes: Uint8Array<SharedArrayBuffer>;
  readonly #messages: Int32Array<SharedArrayBuffer>;

  constructor(readonly buffer: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.#bytes = new Uint8Array(buffer, 0, 4);
    this.#messages = new Int32Array(buffer, 4, 1);
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
    Atomics.add(this.#messages, 0, 1);
  }

  /** Number of announced messages. The engine thread reads messages when it changes. */
  get announcedMessages(): number {
    return Atomics.load(this.#messages, 0);
  }
}
