/** A server of Valkey or Redis on loopback. */
import { has } from "../packaging/tools.ts";

const NAMES = ["valkey-server", "redis-server"];
const installed = await Promise.all(NAMES.map((name) => has(name, "--version")));
const program = NAMES.find((_, at) => installed[at]);

export const redis = { name: NAMES.join(" or "), here: program !== undefined };

export class RedisServer implements AsyncDisposable {
  readonly port: number;
  #child: Deno.ChildProcess | null = null;

  constructor() {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = listener.addr.port;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts the server, without a file and without what an earlier one had. */
  async start(): Promise<void> {
    const child = this.#child = new Deno.Command(program!, {
      args: [
        "--bind",
        "127.0.0.1",
        "--port",
        String(this.port),
        "--save",
        "",
        "--appendonly",
        "no",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    let hasEnded = false;
    child.status.then(() => hasEnded = true, () => hasEnded = true);
    while (!hasEnded) {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port: this.port })).close();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    this.#child = null;
    const { code, signal } = await child.status;
    throw new Error(
      `${program} has ended with ${signal ?? code}, and does not listen on ${this.url}`,
    );
  }

  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.status;
    this.#child = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
