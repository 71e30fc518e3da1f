/** How a request is sent. */
export interface Sending {
  readonly path: string;
  readonly body: unknown;
  /** Bytes of the body, which is padded with spaces. */
  readonly size?: number;
  /** Sends the body in a segment of its own, 20 ms after the head. */
  readonly split?: boolean;
}

/** An HTTP/1.1 client that decides which bytes go into which TCP segment, and when the connection closes. */
export class RawClient implements Disposable {
  readonly #connection: Deno.TcpConn;
  readonly #host: string;
  #isClosed = false;

  private constructor(connection: Deno.TcpConn, host: string) {
    this.#connection = connection;
    this.#host = host;
    connection.setNoDelay(true);
  }

  static async connect(port: number, hostname = "127.0.0.1"): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname, port }), `${hostname}:${port}`);
  }

  /** Posts JSON; does not wait for the answer. */
  async post({ path, body, size = 0, split = false }: Sending): Promise<void> {
    const text = JSON.stringify(body).padEnd(size);
    const head = `POST ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n`;
    if (!split) return await this.#write(head + text);
    await this.#write(head);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await this.#write(text);
  }

  /** Reads once. @throws {Error} At the end of the connection. */
  async read(): Promise<string> {
    const buffer = new Uint8Array(65_536);
    const length = await this.#connection.read(buffer);
    if (length === null) throw new Error("The server has closed the connection");
    return new TextDecoder().decode(buffer.subarray(0, length));
  }

  /** Reads until the text that was read since the call matches. */
  async readUntil(pattern: RegExp): Promise<string> {
    let text = "";
    while (!pattern.test(text)) text += await this.read();
    return text;
  }

  /** Closes the connection, as the system does for a killed program. */
  close(): void {
    if (!this.#isClosed) this.#connection.close();
    this.#isClosed = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #write(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#connection.write(bytes.subarray(sent));
    }
  }
}
