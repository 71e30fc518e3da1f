/** A relay in front of a worker, which can be slow and counts what it passes on. */

/** A link to a worker. Disposal ends its connections. */
export class Link implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections: Deno.Conn[] = [];
  readonly #running: Promise<unknown>[] = [];
  readonly #accepting: Promise<void>;
  readonly #port: number;
  readonly #delayMs: number;
  #sent = 0;

  /**
   * @param port port of the worker
   * @param delayMs milliseconds by which it delays what it has read
   */
  constructor(port: number, delayMs = 0) {
    this.#port = port;
    this.#delayMs = delayMs;
    this.#accepting = this.#accept();
  }

  get address(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Bytes that went to the worker. */
  get sent(): number {
    return this.#sent;
  }

  async #accept(): Promise<void> {
    for await (const near of this.#listener) {
      const far = await Deno.connect({ hostname: "127.0.0.1", port: this.#port });
      this.#connections.push(near, far);
      this.#running.push(
        this.#relay(near, far, (bytes) => this.#sent += bytes),
        this.#relay(far, near, () => {}),
      );
    }
  }

  async #relay(
    from: Deno.Conn,
    to: Deno.Conn,
    count: (bytes: number) => void,
  ): Promise<void> {
    const delay = new TransformStream<Uint8Array<ArrayBuffer>>({
      transform: async (bytes, out) => {
        count(bytes.length);
        if (this.#delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#delayMs));
        out.enqueue(bytes);
      },
    });
    try {
      await from.readable.pipeThrough(delay).pipeTo(to.writable);
    } catch {
      // A side has closed its connection.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const connection of this.#connections) close(connection);
    await Promise.all(this.#running);
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // Its streams have closed it.
  }
}
