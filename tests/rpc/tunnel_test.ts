/** Workers behind `--rpc-key`: only who has the key can use them. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type Cluster, rpcTest, TINY_F16 } from "./setup.ts";

const GENERATE = [
  ...["generate", TINY_F16, "--prompt", "What is the capital of France?"],
  ...["--temperature", "0", "--local"],
];
const PARIS = "The capital of France is Paris.";

/** A key file that a worker has made, and the worker. */
async function keyed(cluster: Cluster, name: string) {
  const key = join(cluster.machine.home, name);
  return { key, worker: await cluster.worker(["--rpc-key", key]) };
}

rpcTest("two workers behind a tunnel answer with the right key", async (cluster) => {
  const { key, worker } = await keyed(cluster, "rpc.key");
  const second = await cluster.worker(["--rpc-key", key]);
  const rpc = `${worker.address},${second.address}`;
  const { code, stdout, stderr } = await cluster.run([...GENERATE, "--rpc", rpc, "--rpc-key", key]);
  assertEquals([code, stdout.trim()], [0, PARIS], stderr);
  const { workers } = await cluster.json(["gpu-info", "--rpc", rpc, "--rpc-key", key]);
  assertEquals(workers.map(({ usable }: { usable: boolean }) => usable), [true, true]);
});

rpcTest("a wrong key, no key and no tunnel are refused by both sides", async (cluster) => {
  const { key, worker } = await keyed(cluster, "rpc.key");
  const other = await keyed(cluster, "other.key");
  const plain = await cluster.worker();
  const wrong = await cluster.run(
    [...GENERATE, "--rpc", worker.address, "--rpc-key", other.key],
  );
  assertEquals(wrong.code, 1);
  assertStringIncludes(wrong.stderr, `Worker ${worker.address} cannot be used`);
  assertStringIncludes(wrong.stderr, "has another --rpc-key, or none");
  const without = await cluster.run([...GENERATE, "--rpc", worker.address]);
  assertEquals(without.code, 1);
  assertStringIncludes(without.stderr, `Worker ${worker.address} `);
  const untunnelled = await cluster.run(
    [...GENERATE, "--rpc", plain.address, "--rpc-key", key],
  );
  assertEquals(untunnelled.code, 1);
  assertStringIncludes(untunnelled.stderr, `Worker ${plain.address} `);
  const missing = await cluster.run(
    [...GENERATE, "--rpc", worker.address, "--rpc-key", join(cluster.machine.home, "none")],
  );
  assertEquals(missing.code, 1);
  assertStringIncludes(missing.stderr, "--rpc-key: ");
  const { stderr } = await worker.end("SIGINT");
  assertStringIncludes(stderr, "was refused: the client has another --rpc-key, or none");
});
