import type { AcceptedConnection, AcceptedConnections } from "../../../../ffi/sockets/mod.ts";

/** Milliseconds between two looks at the connections. */
const INTERVAL_MS = 1_000;

/** Limits of the connections to a server. */
export interface ConnectionLimits {
  /** Milliseconds that a connection may be open without a running request. */
  readonly idleMs: number;
  /** Maximum number of connections. Beyond it, the connections idle for longest are ended. */
  readonly most: number;
}

/** A connection as it was seen. */
interface Seen {
  readonly port: number;
  readonly descriptor: number;
  /** Since when no request has run. */
  idleSince: number;
}

/**
 * Running requests by the port of the client, by the port of the server: a listener that replaces another
 * one on its port sees the connections of both. Clients at other addresses may have the same port; their
 * connections are then kept for longer.
 */
const RUNNING = new Map<number, Map<number, number>>();

/** The guard's view of a server's connections; see {@linkcode AcceptedConnections}. */
export type Connections = Pick<AcceptedConnections, "list" | "end"> & Disposable;

/**
 * Ends connections that send no request. `Deno.serve` has no limits for the time of a request's head,
 * of idle connections or for their number, so the sockets of the process are listed.
 */
export class ConnectionGuard implements Disposable {
  readonly #limits: ConnectionLimits;
  readonly #port: () => number;
  readonly #open: () => Promise<Connections | null>;
  readonly #now: () => number;

  #seen = new Map<string, Seen>();
  #connections: Connections | null = null;
  readonly #timer: ReturnType<typeof setInterval>;
  #isClosed = false;

  /**
   * @param port The local port, which is known after the server listens.
   * @param open Opens the list of connections. Null: this system has none.
   */
  constructor(
    limits: ConnectionLimits,
    port: () => number,
    open: () => Promise<Connections | null> = openNativeConnections,
    now: () => number = () => performance.now(),
  ) {
    this.#limits = limits;
    this.#port = port;
    this.#open = open;
    this.#now = now;
    this.#timer = setInterval(() => void this.check(), INTERVAL_MS);
  }

  get #running(): Map<number, number> {
    const port = this.#port();
    const running = RUNNING.get(port) ?? new Map<number, number>();
    RUNNING.set(port, running);
    return running;
  }

  /** Records that a request runs on a connection. */
  started(port: number): void {
    this.#running.set(port, (this.#running.get(port) ?? 0) + 1);
  }

  /** Records that a request has its whole response. */
  ended(port: number): void {
    const running = (this.#running.get(port) ?? 1) - 1;
    if (running > 0) this.#running.set(port, running);
    else this.#running.delete(port);
    for (const seen of this.#seen.values()) {
      if (seen.port === port) seen.idleSince = this.#now();
    }
  }

  /** Ends the connections of clients with a port. Clients at different addresses may have the same. */
  async end(port: number): Promise<void> {
    const connections = await this.#opened();
    const listed = connections?.list(this.#port()) ?? [];
    for (const connection of listed) if (connection.port === port) connections?.end(connection);
  }

  /** Ends the connections beyond the limits. */
  async check(): Promise<void> {
    const connections = await this.#opened();
    if (connections === null) return;
    const now = this.#now();
    const listed = connections.list(this.#port());
    const seen = new Map<string, Seen>();
    for (const { remote, port, descriptor } of listed) {
      const before = this.#seen.get(remote);
      const isSame = before?.descriptor === descriptor;
      seen.set(remote, isSame ? before : { port, descriptor, idleSince: now });
    }
    this.#seen = seen;
    this.#forgetUpgraded(new Set(listed.map(({ port }) => port)));
    for (const connection of this.#excess(listed, now)) connections.end(connection);
  }

  /** Null, and closed, on a system that cannot list connections. */
  async #opened(): Promise<Connections | null> {
    this.#connections ??= await this.#open().catch(() => null);
    if (this.#connections !== null && !this.#isClosed) return this.#connections;
    this[Symbol.dispose]();
    return null;
  }

  /** Connections without a running request that are idle for too long or too many. */
  #excess(listed: readonly AcceptedConnection[], now: number): AcceptedConnection[] {
    const idle = listed.filter(({ port }) => !this.#running.has(port))
      .sort((a, b) => this.#idleSince(a) - this.#idleSince(b));
    const surplus = listed.length - this.#limits.most;
    return idle.filter((connection, index) =>
      index < surplus || now - this.#idleSince(connection) > this.#limits.idleMs
    );
  }

  #idleSince({ remote }: AcceptedConnection): number {
    return this.#seen.get(remote)!.idleSince;
  }

  /** Requests that were upgraded never end; their connections do. */
  #forgetUpgraded(ports: ReadonlySet<number>): void {
    for (const port of this.#running.keys()) {
      if (!ports.has(port)) this.#running.delete(port);
    }
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#connections?.[Symbol.dispose]();
    this.#connections = null;
  }
}

/** Imports the bindings late: they are needed a second after the start. */
async function openNativeConnections(): Promise<Connections | null> {
  const { openAcceptedConnections } = await import("../../../../ffi/sockets/mod.ts");
  return openAcceptedConnections();
}
