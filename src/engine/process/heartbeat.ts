/**
 * The byte that the main thread of a model's process writes to stderr while it runs. It is a control
 * character that no log contains. Messages use stdout, which the engine's thread writes; that thread
 * may compute for minutes, and this one only forwards messages.
 */
export const HEARTBEAT = 0x16;

/** Milliseconds between two heartbeats. */
const INTERVAL_MS = 1_000;
/** Silence after which a process counts as not responding: the server is not ready. */
const LATE_MS = 4_000;
/** Silence after which a process is ended. A busy machine runs a waiting thread much earlier. */
const LOST_MS = 15_000;

/** Writes heartbeats until the process ends. */
export function sendHeartbeats(): void {
  const beat = new Uint8Array([HEARTBEAT]);
  const send = () => {
    try {
      Deno.stderr.writeSync(beat);
    } catch {
      // The parent has ended; this process must live on until its states are on disk.
      clearInterval(timer);
    }
  };
  const timer = setInterval(send, INTERVAL_MS);
  send();
}

/** Watches the heartbeats of a process, from the first one on. */
export class HeartbeatMonitor implements Disposable {
  readonly #onLost: () => void;
  readonly #now: () => number;
  #last = 0;
  #lastCheck = 0;
  #isLost = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** @param onLost called once when the process has been silent for too long. */
  constructor(onLost: () => void, now: () => number = () => performance.now()) {
    this.#onLost = onLost;
    this.#now = now;
  }

  /** Takes the heartbeats out of stderr output. Any output shows that the process runs. */
  filter(piece: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    this.#last = this.#now();
    if (!piece.includes(HEARTBEAT)) return piece;
    if (this.#timer === undefined) {
      this.#lastCheck = this.#last;
      this.#timer = setInterval(() => this.check(), INTERVAL_MS);
    }
    return piece.filter((byte) => byte !== HEARTBEAT);
  }

  /** False while heartbeats are missing. */
  get isResponding(): boolean {
    return this.#timer === undefined || this.#now() - this.#last < LATE_MS;
  }

  /** Checks the time of the last heartbeat. */
  check(): void {
    const now = this.#now();
    // This process did not run either: the machine slept, or its event loop was blocked.
    if (now - this.#lastCheck > LATE_MS) this.#last = now;
    this.#lastCheck = now;
    if (this.#isLost || now - this.#last < LOST_MS) return;
    this.#isLost = true;
    this[Symbol.dispose]();
    this.#onLost();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
