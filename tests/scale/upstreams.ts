/** Servers behind a proxy that tell their names, for tests of its configuration. */
import { until } from "../support/until.ts";

/** A server behind the proxy. */
export class Upstream implements AsyncDisposable {
  #server: Deno.HttpServer<Deno.NetAddr>;
  #rest = Promise.withResolvers<void>();
  readonly port: number;
  /** Statuses of `GET /ready` and of answers. */
  ready = 200;
  answer = 200;

  constructor(readonly name: string) {
    this.#server = this.#listen(0);
    this.port = this.#server.addr.port;
  }

  #listen(port: number): Deno.HttpServer<Deno.NetAddr> {
    return Deno.serve(
      { hostname: "127.0.0.1", port, onListen: () => {} },
      (request) => this.#respond(request),
    );
  }

  async #respond(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/ws/generate") return this.#upgrade(request);
    await request.body?.pipeTo(new WritableStream());
    const status = pathname === "/ready" ? this.ready : this.answer;
    const retry = status === 503 ? { "retry-after": "1" } : {};
    const headers = { "x-upstream": this.name, ...retry };
    return new Response(pathname === "/stream" ? this.#stream() : this.name, { status, headers });
  }

  /** The name, and its rest when {@linkcode goOn} is called. */
  #stream(): ReadableStream<Uint8Array> {
    const { promise } = this.#rest = Promise.withResolvers<void>();
    return ReadableStream.from([this.name, promise.then(() => "rest")])
      .pipeThrough(new TextEncoderStream());
  }

  /** Sends the rest of a stream. */
  goOn(): void {
    this.#rest.resolve();
  }

  #upgrade(request: Request): Response {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(`${this.name}: ${data}`);
    return response;
  }

  /** Refuses connections until {@linkcode start}. */
  async stop(): Promise<void> {
    await this.#server.shutdown();
  }

  /** Accepts connections again. */
  start(): void {
    this.#server = this.#listen(this.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** Where a request went: the name of the server, or the status of a refusal. */
export async function ask(url: string, body: unknown, headers: HeadersInit = {}): Promise<string> {
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body), headers });
  const text = await response.text();
  return response.ok ? text : String(response.status);
}

/** Waits until a proxy passes requests on. @param refusal what it answers before */
export async function reachable(url: string, refusal: string): Promise<void> {
  await until(() => ask(url, {}).then((place) => place !== refusal, () => false));
}
