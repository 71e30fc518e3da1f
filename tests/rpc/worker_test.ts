/** `rpc-serve`: its address, warning, devices and files, and the processes that it leaves behind. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { DEFAULT_SHAPE, type ModelShape, writeModel } from "../../scripts/bench/gguf_writer.ts";
import { benchVocabulary } from "../../scripts/bench/vocabulary.ts";
import { childrenOf } from "../cli/machine.ts";
import { sayHello } from "../../src/rpc/workers/worker_protocol.ts";
import { freePort } from "../../scripts/free_port.ts";
import { ServerProcess } from "../../src/rpc/serving/server_process.ts";
import { Link } from "./link.ts";
import { rpcFolder, rpcTest, TINY_F16 } from "./setup.ts";

/** A model with three matrices that are large enough for the cache, which keeps those of more than 10 MiB. */
const LARGE: ModelShape = {
  ...DEFAULT_SHAPE,
  ...{ type: "f16", layers: 1, embedding: 512, feedForward: 10_752, context: 256 },
};
const LARGE_TENSORS = 3;
const LARGE_BYTES = 2 * LARGE.embedding * LARGE.feedForward;

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

rpcTest("a port that another program takes first is left to that program", async () => {
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const ports = [other.addr.port, freePort()];
  const device = { devices: ["CPU"], threads: 1, cacheFolder: null };
  const started = await ServerProcess.start(
    { libraryFolder: rpcFolder()!, ...device },
    () => ports.shift()!,
  );
  try {
    assertEquals(ports, []);
    using connection = await started.connect();
    assert((await sayHello(connection)).major > 0);
  } finally {
    await started.end();
  }
});

rpcTest("with --cache, a worker that starts again has the large weights", async (machine) => {
  const { home } = machine.plain;
  const model = join(home, "large.gguf");
  await writeModel(model, LARGE, benchVocabulary(600));
  const folder = join(home, ".cache", "shimmy", "rpc");
  /** Loads the model on a worker of its own. @returns the bytes that the worker got. */
  const load = async (...args: string[]) => {
    const worker = await machine.worker(args);
    await using link = new Link(worker.port);
    const { code, stderr } = await machine.run(["probe", model, "--rpc", link.address]);
    assertEquals(code, 0, stderr);
    await worker.end("SIGINT");
    return link.sent;
  };
  const whole = await load("--cache");
  assert(whole > LARGE_TENSORS * LARGE_BYTES, `${whole} bytes`);
  const kept = [...Deno.readDirSync(folder)].map(({ name }) => join(folder, name));
  const sizes = kept.map((path) => Deno.statSync(path).size);
  assertEquals(sizes, Array(LARGE_TENSORS).fill(LARGE_BYTES));
  const rest = await load("--cache");
  assert(rest < whole - LARGE_TENSORS * LARGE_BYTES * 0.99, `${rest} of ${whole} bytes`);
  // Without the option, everything is sent.
  assert(await load() > LARGE_TENSORS * LARGE_BYTES);
});

async function ended(pid: number): Promise<void> {
  for (let attempt = 0; attempt < 1_200; attempt++) {
    const state = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => null);
    if (state === null || state.includes(") Z ")) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Process ${pid} has not ended`);
}
