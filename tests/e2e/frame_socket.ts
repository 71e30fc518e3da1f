/** What the server says last in an answer over a WebSocket. */
export interface DoneFrame {
  readonly done: true;
  readonly finish_reason: string;
  readonly usage: { readonly completion_tokens: number };
}

/** The object of a frame, or null where a token's text only begins like one. */
function object(frame: string): unknown {
  if (!frame.startsWith('{"')) return null;
  try {
    return JSON.parse(frame);
  } catch {
    return null;
  }
}

/** A WebSocket client that reads one frame after the other. */
export class FrameSocket implements AsyncDisposable {
  readonly #socket: WebSocket;
  readonly #frames: ReadableStreamDefaultReader<string>;
  readonly #closed: Promise<void>;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    const closed = Promise.withResolvers<void>();
    this.#closed = closed.promise;
    const stream = new ReadableStream<string>({
      start(controller) {
        socket.onmessage = ({ data }) => controller.enqueue(data);
        socket.onclose = () => {
          controller.close();
          closed.resolve();
        };
      },
    });
    this.#frames = stream.getReader();
  }

  /** Connects. @throws {Error} if the server refuses. */
  static async open(url: string): Promise<FrameSocket> {
    const socket = new WebSocket(url);
    await new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = () => reject(new Error(`Cannot connect to ${url}`));
    });
    socket.onerror = null;
    return new FrameSocket(socket);
  }

  send(value: unknown): void {
    this.#socket.send(JSON.stringify(value));
  }

  /** The next frame: an object, or the text of a token. */
  async frame(): Promise<unknown> {
    const { value, done } = await this.#frames.read();
    if (done) throw new Error("The socket was closed");
    return object(value) ?? value;
  }

  /** The rest of an answer. */
  async answer(): Promise<{ readonly text: string; readonly done: DoneFrame }> {
    let text = "";
    while (true) {
      const frame = await this.frame();
      if (typeof frame === "string") text += frame;
      else if ((frame as DoneFrame).done) return { text, done: frame as DoneFrame };
      else throw new Error(`An error came instead: ${JSON.stringify(frame)}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#closed;
  }
}
