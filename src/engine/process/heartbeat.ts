import type { WorkWatch } from "./work_watch.ts";

/**
 * The byte that the main thread of a model's process writes to stderr while the engine's thread makes
 * progress. It is a control character that no log contains. Messages use stdout, which the engine's
 * thread writes; that thread may compute for minutes, and this one only forwards messages.
 */
export const HEARTBEAT = 0x16;

/** Milliseconds between two heartbeats. */
const INTERVAL_MS = 1_000;
/** Silence after which a process counts as not responding: the server is not ready. */
const LATE_MS = 4_000;
/** Silence after which a process is ended. A busy machine runs a waiting thread much earlier. */
const LOST_MS = 15_000;
/** Silence from the start to the first heartbeat, after which a process is ended: a slow disk has to be read. */
const START_MS = 60_000;

/**
 * Writes heartbeats until the process ends.
 *
 * @param watch Without progress of the engine's thread there are no heartbeats, but one line that says so.
 */
export function sendHeartbeats(watch: Pick<WorkWatch, "stuckFor">): void {
  const beat = new Uint8Array([HEARTBEAT]);
  let isStuck = false;
  const send = () => {
    const stuck = watch.stuckFor();
    if (stuck > 0 && isStuck) return;
    isStuck = stuck > 0;
    const line = `The engine thread has made no progress for ${stuck} s\n`;
    try {
      Deno.stderr.writeSync(isStuck ? new TextEncoder().encode(line) : beat);
    } catch {
      // The parent has ended; this process must live on until its states are on disk.
      clearInterval(timer);
    }
  };
  const timer = setInterval(send, INTERVAL_MS);
  send();
}

/** Watches the heartbeats of a process, from its start on. */
export class HeartbeatMonitor implements Disposable {
  readonly #onLost: () => unknown;
  readonly #now: () => number;
  #last: number;
  #lastCheck: number;
  #hasStarted = false;
  #isLost = false;
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param onLost called once when the process has been silent for too long. */
  constructor(onLost: () => unknown, now: () => number = () => performance.now()) {
    this.#onLost = onLost;
    this.#now = now;
    this.#last = this.#lastCheck = now();
    this.#timer = setInterval(() => this.check(), INTERVAL_MS);
  }

  /** Takes the heartbeats out of stderr output. Any output shows that the process runs. */
  filter(piece: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    this.#last = this.#now();
    if (!piece.includes(HEARTBEAT)) return piece;
    this.#hasStarted = true;
    return piece.filter((byte) => byte !== HEARTBEAT);
  }

  /** False while heartbeats are missing. */
  get isResponding(): boolean {
    return !this.#hasStarted || this.#now() - this.#last < LATE_MS;
  }

  /** Checks the time of the last heartbeat. */
  check(): void {
    const now = this.#now();
    // This process did not run either: the machine slept, or its event loop was blocked.
    if (now - this.#lastCheck > LATE_MS) this.#last = now;
    this.#lastCheck = now;
    if (this.#isLost || now - this.#last < (this.#hasStarted ? LOST_MS : START_MS)) return;
    this.#isLost = true;
    this[Symbol.dispose]();
    this.#onLost();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
