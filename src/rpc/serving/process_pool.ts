import type { ServerProcess } from "./server_process.ts";

/** A process as the pool uses it. */
export type PooledProcess = Pick<ServerProcess, "hasEnded" | "end" | "connect">;

/**
 * Processes of RPC servers, one for each connection. ggml's server takes one connection at a time, and a failed
 * assertion ends its process; so several models can use a worker, and none can end the others.
 *
 * One process waits for the next connection, so that a connection does not wait for a start.
 */
export class ProcessPool implements AsyncDisposable {
  readonly #start: () => Promise<PooledProcess>;
  readonly #all = new Set<PooledProcess>();
  #waiting: Promise<PooledProcess> | null = null;
  #isClosed = false;

  /** @param start starts a process. */
  constructor(start: () => Promise<PooledProcess>) {
    this.#start = start;
  }

  /** Starts the process that waits. @throws {ShimmyError} the reason why it cannot start. */
  async prepare(): Promise<void> {
    const prepared = this.#waiting ??= this.#create();
    try {
      await prepared;
    } catch (error) {
      if (this.#waiting === prepared) this.#waiting = null;
      throw error;
    }
  }

  /** Takes the process that waits, and prepares another one. */
  async take(): Promise<PooledProcess> {
    const waiting = this.#waiting ?? this.#create();
    this.#waiting = null;
    const taken = await waiting.catch(() => null);
    // It may have ended while it waited.
    const server = taken === null || taken.hasEnded ? await this.#create() : taken;
    this.prepare().catch(() => {});
    return server;
  }

  /** Takes a process back whose connection has ended. It is kept if none waits. */
  async giveBack(server: PooledProcess): Promise<void> {
    if (this.#waiting === null && !server.hasEnded && !this.#isClosed) {
      this.#waiting = Promise.resolve(server);
      return;
    }
    this.#all.delete(server);
    await server.end();
  }

  async #create(): Promise<PooledProcess> {
    const server = await this.#start();
    this.#all.add(server);
    if (this.#isClosed) await server.end();
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#waiting?.catch(() => {});
    await Promise.all([...this.#all].map((server) => server.end()));
  }
}
