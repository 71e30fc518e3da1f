/** Workers behind `--rpc-key`: only who has the key can use them. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { join } from "node:path";
import { type RpcMachine, rpcTest, TINY_F16 } from "./setup.ts";

const GENERATE = [
  ...["generate", TINY_F16, "--prompt", "What is the capital of France?"],
  ...["--temperature", "0", "--local"],
];
const PARIS = "The capital of France is Paris.";

/** A key file that a worker has made, and the worker. */
async function keyed(machine: RpcMachine, name: string) {
  const key = join(machine.plain.home, name);
  return { key, worker: await machine.worker(["--rpc-key", key]) };
}

rpcTest("two workers behind a tunnel answer with the right key", async (machine) => {
  const { key, worker } = await keyed(machine, "rpc.key");
  const second = await machine.worker(["--rpc-key", key]);
  const rpc = `${worker.address},${second.address}`;
  const { code, stdout, stderr } = await machine.run([...GENERATE, "--rpc", rpc, "--rpc-key", key]);
  assertEquals([code, stdout.trim()], [0, PARIS], stderr);
  const { workers } = await machine.json(["gpu-info", "--rpc", rpc, "--rpc-key", key]);
  assertEquals(workers.map(({ usable }: { usable: boolean }) => usable), [true, true]);
});

rpcTest("a wrong key, no key and no tunnel are refused by both sides", async (machine) => {
  const { key, worker } = await keyed(machine, "rpc.key");
  const other = await keyed(machine, "other.key");
  const plain = await machine.worker();
  const wrong = await machine.run(
    [...GENERATE, "--rpc", worker.address, "--rpc-key", other.key],
  );
  assertEquals(wrong.code, 1);
  assertStringIncludes(wrong.stderr, `Worker ${worker.address} cannot be used`);
  assertStringIncludes(wrong.stderr, "has another --rpc-key, or none");
  const without = await machine.run([...GENERATE, "--rpc", worker.address]);
  assertEquals(without.code, 1);
  assertStringIncludes(without.stderr, `Worker ${worker.address} `);
  const untunnelled = await machine.run(
    [...GENERATE, "--rpc", plain.address, "--rpc-key", key],
  );
  assertEquals(untunnelled.code, 1);
  assertStringIncludes(untunnelled.stderr, `Worker ${plain.address} `);
  const missing = await machine.run(
    [...GENERATE, "--rpc", worker.address, "--rpc-key", join(machine.plain.home, "none")],
  );
  assertEquals(missing.code, 1);
  assertStringIncludes(missing.stderr, "--rpc-key: ");
  const { stderr } = await worker.end("SIGINT");
  assertStringIncludes(stderr, "was refused: the client has another --rpc-key, or none");
});

rpcTest("a program with the key gets in while silent clients connect", async (machine) => {
  const { key, worker } = await keyed(machine, "rpc.key");
  await using _silent = await SilentClients.connect(worker.port, 64);
  const { workers } = await machine.json(
    ["gpu-info", "--rpc", worker.address, "--rpc-key", key],
  );
  assertEquals(workers.map(({ why }: { why: string | null }) => why), [null]);
  const { code, stdout, stderr } = await machine.run(
    [...GENERATE, "--rpc", worker.address, "--rpc-key", key],
  );
  assertEquals([code, stdout.trim()], [0, PARIS], stderr);
});

/** Milliseconds until a silent client that was closed connects again. */
const AGAIN_MS = 1_000;

/** Clients that connect, send nothing, and connect again when they are closed. */
class SilentClients implements AsyncDisposable {
  readonly #stopped = new AbortController();
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #running: Promise<void>[] = [];

  static async connect(port: number, count: number): Promise<SilentClients> {
    const clients = new SilentClients();
    for (let client = 0; client < count; client++) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      clients.#running.push(clients.#stay(connection, port));
    }
    return clients;
  }

  async #stay(connection: Deno.TcpConn, port: number): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      this.#connections.add(connection);
      await connection.read(new Uint8Array(1)).catch(() => {});
      this.#connections.delete(connection);
      if (signal.aborted) return;
      connection.close();
      await delay(AGAIN_MS, { signal }).catch(() => {});
      if (signal.aborted) return;
      connection = await Deno.connect({ hostname: "127.0.0.1", port });
    }
    connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    for (const connection of this.#connections) connection.close();
    await Promise.all(this.#running);
  }
}
