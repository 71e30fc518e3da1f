/** Checks that a program which is one file starts its threads from itself. */
import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { ensureRpcKey, secureServer } from "../../src/rpc/tunnel/mod.ts";
import { count, hello, memory, rpcWorker } from "../doubles/rpc_worker.ts";
import { type Program, run, serve } from "./program.ts";
import { continues, isReady, statusOf } from "./shared_states.ts";

/** The thread of tunnels: `gpu-info` asks it for the local end of a tunnel to a worker. */
export async function usesTunnels(program: Program, folder: string): Promise<void> {
  const key = join(folder, "rpc.key");
  const { bytes } = await ensureRpcKey(key);
  const answers = [hello(7), ...Array(9).fill(count(1)), memory(1, 2)];
  await using worker = rpcWorker(answers, (connection) => secureServer(connection, bytes));
  const rpc = ["--rpc", worker.endpoint.text, "--rpc-key", key];
  const { code, stdout, stderr } = await run(program, ["gpu-info", ...rpc, "--json"]);
  assertEquals(code, 0, stderr);
  const [{ usable, why, devices }] = JSON.parse(stdout).workers;
  assertEquals([usable, why, devices.length], [true, null, 1]);
}

/** The thread of shared states: a server writes a state, and another one reads it. */
export async function sharesStates(program: Program, folder: string): Promise<void> {
  const states = join(folder, "states");
  await Deno.mkdir(states);
  await using stack = new AsyncDisposableStack();
  const start = async () => {
    const args = ["--shared-cache", states, "--ctx", "2048"];
    const { base } = stack.use(await serve(program, args));
    const replica = { url: (path: string) => `${base}${path}` };
    await isReady(replica);
    return replica;
  };
  const [one, other] = [await start(), await start()];
  await continues(one, other, "a program that is one file");
  const { hits, read_bytes } = await statusOf(other);
  assert(hits > 0 && read_bytes > 0, `${hits} hits, ${read_bytes} bytes`);
}
