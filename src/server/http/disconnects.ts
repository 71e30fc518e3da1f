import type { Connection, ConnectionProbe } from "../../../ffi/sockets/mod.ts";
import { isOlder } from "../../deno_version.ts";

/** Milliseconds between two checks of the connections: less than a step of most models. */
const CHECK_INTERVAL_MS = 50;

/** The first version of Deno with an incomplete `request.signal`; `docs/notes/deno-request-signal.txt`. */
const INCOMPLETE_SINCE = [2, 8, 3] as const;

/**
 * Whether `request.signal` aborts in every case when a client disconnects before the response begins. In
 * newer versions of Deno it only does so if head and body of the request arrived together in 1 KiB.
 */
export function signalIsComplete(version: string): boolean {
  return isOlder(version, INCOMPLETE_SINCE);
}

/** Reports clients that disconnect before their response begins, by checking the connections. */
export class DisconnectWatcher implements AsyncDisposable {
  readonly #open: () => Promise<ConnectionProbe | null>;
  readonly #watched = new Map<Connection, () => void>();
  #probe: ConnectionProbe | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #check: Promise<void> | null = null;
  #isClosed = false;

  /** @param open Opens the probe at the first check, which short requests do not reach. */
  constructor(open: () => Promise<ConnectionProbe | null> = openNativeProbe) {
    this.#open = open;
  }

  /**
   * Calls `disconnected` when the client has closed the connection.
   *
   * @returns A function that stops watching. Call it before the response begins: afterwards the connection
   *   may carry another request.
   */
  watch(connection: Connection, disconnected: () => void): () => void {
    this.#watched.set(connection, disconnected);
    this.#schedule();
    return () => {
      this.#watched.delete(connection);
      if (this.#watched.size === 0) this.#unschedule();
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#watched.clear();
    this.#unschedule();
    await this.#check;
    this.#probe?.[Symbol.dispose]();
    this.#probe = null;
  }

  #schedule(): void {
    if (this.#check !== null || this.#isClosed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#check = this.#checkAll().finally(() => {
        this.#check = null;
        if (this.#watched.size > 0) this.#schedule();
      });
    }, CHECK_INTERVAL_MS);
  }

  #unschedule(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #checkAll(): Promise<void> {
    this.#probe ??= await this.#openProbe();
    for (const connection of this.#probe?.closed(this.#watched.keys()) ?? []) {
      const disconnected = this.#watched.get(connection);
      this.#watched.delete(connection);
      disconnected?.();
    }
  }

  /** Returns null, and ends all checks, if the system has no probe. */
  async #openProbe(): Promise<ConnectionProbe | null> {
    const probe = await this.#open().catch(() => null);
    if (probe === null) this.#isClosed = true;
    return probe;
  }
}

/** Imports the bindings late: most servers never need them. */
async function openNativeProbe(): Promise<ConnectionProbe | null> {
  const { openConnectionProbe } = await import("../../../ffi/sockets/mod.ts");
  return openConnectionProbe();
}
