/** Workers behind a slow link: a relay delays what passes. */
import { assert, assertEquals } from "@std/assert";
import { Link } from "./link.ts";
import { rpcTest, TINY_F16 } from "./setup.ts";

/** Milliseconds that a link delays what it has read. */
const DELAY_MS = 10;

rpcTest("a slow link changes the time of an answer and not its text", async (machine) => {
  const { all: [one, two] } = await machine.workers(2);
  await using first = new Link(one!.port, DELAY_MS);
  await using second = new Link(two!.port, DELAY_MS);
  const rpc = `${first.address},${second.address}`;
  const { workers } = await machine.json(["gpu-info", "--rpc", rpc]);
  // Both ways are delayed. Timers can be a little early.
  for (const { latency_ms } of workers) assert(latency_ms > 1.5 * DELAY_MS, `${latency_ms} ms`);
  const generate = [
    ...["generate", TINY_F16, "--prompt", "What is the capital of France?", "--temperature", "0"],
    ...["--max-tokens", "8", "--local"],
  ];
  const alone = await machine.run(generate);
  const far = await machine.run([...generate, "--rpc", rpc]);
  assertEquals([far.code, far.stdout], [alone.code, alone.stdout], far.stderr);
});
