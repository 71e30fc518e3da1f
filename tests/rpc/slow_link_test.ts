/** A worker behind a slow link: `tc netem` delays the packets of a network namespace. */
import { assert, assertEquals } from "@std/assert";
import { Machine } from "../cli/machine.ts";
import { Cluster, rpcTest, TINY_F16 } from "./setup.ts";

/** Milliseconds that each packet is delayed. */
const DELAY = 10;

/** A network namespace of its own with a slow loopback; null where none is allowed. */
async function slowNetwork() {
  const script = `ip link set lo up && tc qdisc add dev lo root netem delay ${DELAY}ms && ` +
    "echo ready && exec sleep 600";
  const holder = await start(["unshare", "--net", "sh", "-c", script]);
  if (holder === null) return null;
  const reader = holder.stdout.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  const end = async () => {
    try {
      holder.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await holder.status;
  };
  if (value === undefined) return await end(), null;
  return {
    around: ["nsenter", `--net=/proc/${holder.pid}/ns/net`],
    [Symbol.asyncDispose]: end,
  };
}

async function start([program, ...args]: readonly [string, ...string[]]) {
  try {
    return new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "null" })
      .spawn();
  } catch {
    return await Promise.resolve(null);
  }
}

rpcTest("a slow link changes the time of an answer and not its text", async (fast) => {
  await using network = Deno.build.os === "linux" ? await slowNetwork() : null;
  if (network === null) {
    return console.log("skipped: a slow link needs unshare, ip and tc, and the right to use them");
  }
  await using slow = await Cluster.start(await Machine.start(network.around));
  const { rpc } = await slow.workers(2);
  const { workers } = await slow.json(["gpu-info", "--rpc", rpc]);
  for (const { latency_ms } of workers) assert(latency_ms >= 2 * DELAY, `${latency_ms} ms`);
  const generate = [
    ...["generate", TINY_F16, "--prompt", "What is the capital of France?", "--temperature", "0"],
    "--local",
  ];
  const alone = await fast.run(generate);
  const far = await slow.run([...generate, "--rpc", rpc]);
  assertEquals([far.code, far.stdout], [alone.code, alone.stdout], far.stderr);
});
