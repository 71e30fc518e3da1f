/** What a {@linkcode StalledServer} sends. */
export interface StalledAnswers {
  /** The beginning of an answer that never ends; nothing by default. */
  readonly head?: string;
  /** Whole answers by their paths. */
  readonly answers?: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>;
}

/** A server of HTTP/1.1 that accepts connections, and ends no answer but those that it was given. */
export class StalledServer implements AsyncDisposable {
  /** Paths that were requested. */
  readonly asked: string[] = [];
  /** Connections that are open. */
  open = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #serving: Promise<void>;

  constructor(answers: StalledAnswers = {}) {
    this.#serving = this.#serve(answers);
  }

  get host(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  async #serve(answers: StalledAnswers): Promise<void> {
    const connections: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      connections.push(this.#answer(connection, answers));
    }
    await Promise.all(connections);
  }

  async #answer(connection: Deno.Conn, { head = "", answers = {} }: StalledAnswers): Promise<void> {
    this.open++;
    const buffer = new Uint8Array(4096);
    try {
      const length = await connection.read(buffer) ?? 0;
      const path = new TextDecoder().decode(buffer.subarray(0, length)).split(" ")[1] ?? "";
      this.asked.push(path);
      const answer = answers[path] ?? head;
      const bytes = typeof answer === "string" ? new TextEncoder().encode(answer) : answer;
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
      // Until the client closes the connection.
      while (await connection.read(buffer) !== null);
    } catch {
      // The client has reset the connection.
    } finally {
      connection.close();
      this.open--;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }
}
