/** `rpc-serve`: its address, warning, devices and files, and the processes that it leaves behind. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { childrenOf } from "../cli/machine.ts";
import { rpcTest, TINY_F16 } from "./setup.ts";

rpcTest("a worker binds to loopback, and warns when others can reach it", async (machine) => {
  const worker = await machine.worker(["--device", "CPU"]);
  assertMatch(worker.address, /^127\.0\.0\.1:\d+$/);
  const { code, stderr } = await worker.end("SIGINT");
  assertEquals([code, stderr.includes("warning")], [0, false], stderr);
  const child = machine.plain.command(["rpc-serve", "--bind", "0.0.0.0:0"], machine.env).spawn();
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) text += (await reader.read()).value ?? "\n";
  assertStringIncludes(text, "warning: RPC has no authentication and no encryption");
  child.kill("SIGKILL");
  await reader.cancel();
  await child.stdout.cancel();
  await child.status;
});

rpcTest("a worker with an unknown device or a port in use does not start", async (machine) => {
  const unknown = await machine.run(["rpc-serve", "--bind", "127.0.0.1:0", "--device", "GPU7"]);
  assertEquals(unknown.code, 1);
  assertStringIncludes(unknown.stderr, "--device: 'GPU7' not found; available: CPU");
  const { port } = await machine.worker();
  const taken = await machine.run(["rpc-serve", "--bind", `127.0.0.1:${port}`]);
  assertEquals(taken.code, 1);
  assertStringIncludes(taken.stderr, `Cannot listen on 127.0.0.1:${port}`);
});

rpcTest("a worker serves several programs at once", async (machine) => {
  const { rpc } = await machine.workers(1);
  const probe = ["probe", TINY_F16, "--rpc", rpc, "--json"];
  const outcomes = await Promise.all([machine.run(probe), machine.run(probe)]);
  for (const { code, stderr } of outcomes) assertEquals(code, 0, stderr);
});

rpcTest("the processes of a worker end with it, also when it is killed", async (machine) => {
  if (Deno.build.os !== "linux") return;
  const worker = await machine.worker();
  const children = await childrenOf(worker.pid);
  assert(children.length > 0);
  await worker.end("SIGKILL");
  for (const pid of children) await ended(pid);
});

rpcTest("large weights are kept on disk with --cache", async (machine) => {
  const worker = await machine.worker(["--cache"]);
  const folder = join(machine.plain.home, ".cache", "shimmy", "rpc");
  assert((await Deno.stat(folder)).isDirectory);
  await worker.end("SIGINT");
});

async function ended(pid: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const state = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => null);
    if (state === null || state.includes(") Z ")) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Process ${pid} has not ended`);
}
