/** Workers that die while a model needs them. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { Server } from "../cli/machine.ts";
import { until } from "../support/until.ts";
import { type RpcMachine, rpcTest, TINY_F16 } from "./setup.ts";

const QUESTION = { prompt: "What is the capital of France?", temperature: 0 };
/** Far from its end when the worker is killed. */
const ENDLESS = { prompt: "Tell me a story.", max_tokens: 900, ignore_eos: true, temperature: 0 };

/** Starts a server with the tiny model on workers, and the same model on this machine alone. */
async function serve(
  machine: RpcMachine,
  workers: readonly string[],
  ...args: string[]
): Promise<Server> {
  const { home } = machine.plain;
  for (const name of ["far", "near"]) await Deno.copyFile(TINY_F16, join(home, `${name}.gguf`));
  const config = {
    models: { far: { rpc: workers, "gpu-layers": "all" }, near: {} },
    server: { "model-dirs": home, ctx: 1024, parallel: 4 },
  };
  await Deno.writeTextFile(join(home, "shimmy.json"), JSON.stringify(config));
  return await Server.start(machine.plain, ["--port", "0", ...args], machine.env);
}

async function answer(server: Server, model: string): Promise<string> {
  const response = await server.generate({ model, ...QUESTION });
  assertEquals(response.status, 200, await response.clone().text());
  return (await response.json()).response;
}

async function stateOf(server: Server, model: string) {
  return await (await fetch(server.url(`/api/models/${model}/status`))).json();
}

/** Waits until a model is loaded, without asking it anything. */
async function untilLoaded(server: Server, model: string): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    if ((await stateOf(server, model)).state === "loaded") return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${model} was not loaded again: ${JSON.stringify(await stateOf(server, model))}`);
}

rpcTest(
  "kill -9 of a worker ends the answers that need it, and the model comes back",
  async (machine) => {
    const { all } = await machine.workers(2);
    const [kept, killed] = all.map(({ address }) => address);
    await using server = await serve(machine, [kept!, killed!]);
    const right = await answer(server, "near");
    assertEquals(await answer(server, "far"), right);
    const started = await server.generate({ model: "far", ...ENDLESS, stream: true });
    const reader = started.body!.pipeThrough(new TextDecoderStream()).getReader();
    let stream = (await reader.read()).value!;
    const whole = server.generate({ model: "far", ...ENDLESS });
    const other = server.generate({ model: "near", ...ENDLESS, max_tokens: 300 });
    await all[1]!.end("SIGKILL");

    const reason = `An RPC worker of the model does not answer any more: ${killed}`;
    for (let next; !(next = await reader.read()).done;) stream += next.value;
    assertStringIncludes(stream, reason);
    assert(!stream.includes("[DONE]"));
    const failed = await whole;
    assertEquals(failed.status, 502);
    assertStringIncludes((await failed.json()).error, reason);
    // Models that do not need the worker go on.
    assertEquals((await other).status, 200);
    await (await other).body?.cancel();

    const away = await server.generate({ model: "far", ...QUESTION });
    assertEquals(away.status, 502);
    assertStringIncludes((await away.json()).error, killed!);
    await machine.worker([], all[1]!.port);
    await untilLoaded(server, "far");
    assertEquals(await answer(server, "far"), right);
  },
);

rpcTest("with --rpc-fallback a model is loaded on the workers that are left", async (machine) => {
  const { all } = await machine.workers(2);
  await using server = await serve(machine, all.map(({ address }) => address), "--rpc-fallback");
  const right = await answer(server, "far");
  const devices = async () =>
    (await stateOf(server, "far")).loaded.placement
      .filter(({ layers }: { layers: number }) => layers > 0)
      .map(({ device }: { device: string }) => device);
  assertEquals(await devices(), ["RPC0", "RPC1"]);
  await all[0]!.end("SIGKILL");
  // The loss is noticed when the worker is needed.
  const lost = await server.generate({ model: "far", ...QUESTION });
  await lost.body?.cancel();
  await untilLoaded(server, "far");
  assertEquals(await answer(server, "far"), right);
  assertEquals(await devices(), ["RPC0"]);
  server.kill("SIGTERM");
  const { stderr } = await server.ended();
  assertStringIncludes(stderr, "loading without it (--rpc-fallback)");
});

rpcTest("a server that starts before its worker is ready when that answers", async (machine) => {
  const { all: [gone] } = await machine.workers(1);
  await gone!.end("SIGKILL");
  const args = ["--port", "0", "--model-path", TINY_F16, "--gpu-layers", "all"];
  await using server = await Server.start(
    machine.plain,
    [...args, "--rpc", gone!.address],
    machine.env,
  );
  await server.says("is loaded again when its workers answer");
  const ready = async () => {
    const response = await fetch(server.url("/ready"));
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await ready(), 503);
  await machine.worker([], gone!.port);
  await until(async () => await ready() === 200);
});
