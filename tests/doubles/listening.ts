import type { ServerContext, ServerSettings } from "../../src/server/http/route.ts";
import { serveHttp } from "../../src/server/http/serve.ts";
import { type ServerDouble, serverDouble } from "./context.ts";
import type { EngineDoubleOptions } from "./engine.ts";

/** A server double on a free port of the loopback interface. */
export interface Listening extends ServerDouble, AsyncDisposable {
  readonly port: number;
}

export function listen(
  engine: EngineDoubleOptions = {},
  settings: Partial<ServerSettings> = {},
  rest: Partial<ServerContext> = {},
): Listening {
  const double = serverDouble(engine, settings, rest);
  const server = serveHttp({ hostname: "127.0.0.1", port: 0 }, double.handler);
  return {
    ...double,
    port: server.addr.port,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A WebSocket client whose frames can be awaited one by one. */
export class Client implements AsyncDisposable {
  readonly socket: WebSocket;
  readonly closed: Promise<CloseEvent>;
  readonly #frames: string[] = [];
  #arrived: () => void = () => {};

  constructor(port: number, headers: Readonly<Record<string, string>> = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/ws/generate`, { headers: { ...headers } });
    this.socket.onmessage = ({ data }) => {
      this.#frames.push(data);
      this.#arrived();
    };
    this.closed = new Promise((resolve) => this.socket.onclose = resolve);
  }

  /** Waits until the connection is open. */
  async open(): Promise<this> {
    await new Promise((resolve, reject) => {
      this.socket.onopen = resolve;
      this.socket.onerror = (event) => reject(new Error((event as ErrorEvent).message));
    });
    this.socket.onerror = null;
    return this;
  }

  send(value: unknown): void {
    this.socket.send(typeof value === "string" ? value : JSON.stringify(value));
  }

  /** The next frame. */
  async next(): Promise<string> {
    while (this.#frames.length === 0) {
      await new Promise<void>((resolve) => this.#arrived = resolve);
    }
    return this.#frames.shift()!;
  }

  /** All frames up to the one with `done` or `error`. */
  async answer(): Promise<string[]> {
    const frames: string[] = [];
    do frames.push(await this.next()); while (!/^\{"(done|error)":/.test(frames.at(-1)!));
    return frames;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}
