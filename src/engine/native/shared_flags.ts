/**
 * A few bytes that both threads see at once, for what cannot wait for a message: the engine thread is
 * inside a native call most of the time.
 */
export class EngineFlags {
  readonly #bytes: Uint8Array<SharedArrayBuffer>;
  readonly #messages: Int32Array<SharedArrayBuffer>;

  constructor(readonly buffer: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.#bytes = new Uint8Array(buffer, 0, 4);
    this.#messages = new Int32Array(buffer, 4, 1);
  }

  /**
   * Byte 0, which native code reads as a C string: see `abortCheck`. Byte 1 ends that string and is
   * always 0.
   */
  get abortBytes(): Uint8Array<SharedArrayBuffer> {
    return this.#bytes;
  }

  /** Ends the native computation that is running, and every later one. */
  abort(): void {
    Atomics.store(this.#bytes, 0, 1);
  }

  /** Ends loading at its next report of progress. */
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

  /** How many messages were announced. The engine thread looks for messages when it has changed. */
  get announcedMessages(): number {
    return Atomics.load(this.#messages, 0);
  }
}
