/** Workers behind a slow link: a relay delays what passes. */
import { assert, assertEquals } from "@std/assert";
import { rpcTest, TINY_F16 } from "./setup.ts";

/** Milliseconds that a relay delays what it has read. */
const DELAY_MS = 10;

/** A relay in front of a worker. Disposal ends its connections. */
class SlowLink implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections: Deno.Conn[] = [];
  readonly #running: Promise<unknown>[] = [];
  readonly #accepting: Promise<void>;

  constructor(readonly port: number) {
    this.#accepting = this.#accept();
  }

  get address(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  async #accept(): Promise<void> {
    for await (const near of this.#listener) {
      const far = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
      this.#connections.push(near, far);
      this.#running.push(relay(near, far), relay(far, near));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const connection of this.#connections) close(connection);
    await Promise.all(this.#running);
  }
}

async function relay(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const delay = new TransformStream<Uint8Array<ArrayBuffer>>({
    async transform(bytes, out) {
      await new Promise((resolve) => setTimeout(resolve, DELAY_MS));
      out.enqueue(bytes);
    },
  });
  try {
    await from.readable.pipeThrough(delay).pipeTo(to.writable);
  } catch {
    // A side has closed its connection.
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // Its streams have closed it.
  }
}

rpcTest("a slow link changes the time of an answer and not its text", async (machine) => {
  const { all: [one, two] } = await machine.workers(2);
  await using first = new SlowLink(one!.port);
  await using second = new SlowLink(two!.port);
  const rpc = `${first.address},${second.address}`;
  const { workers } = await machine.json(["gpu-info", "--rpc", rpc]);
  for (const { latency_ms } of workers) assert(latency_ms >= 2 * DELAY_MS, `${latency_ms} ms`);
  const generate = [
    ...["generate", TINY_F16, "--prompt", "What is the capital of France?", "--temperature", "0"],
    ...["--max-tokens", "8", "--local"],
  ];
  const alone = await machine.run(generate);
  const far = await machine.run([...generate, "--rpc", rpc]);
  assertEquals([far.code, far.stdout], [alone.code, alone.stdout], far.stderr);
});
