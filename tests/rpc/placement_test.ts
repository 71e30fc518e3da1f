/** Models whose layers lie on workers: the same text as in one process, and layers where the plan says. */
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { freePort } from "../../scripts/free_port.ts";
import { Server } from "../cli/machine.ts";
import { rpcTest, TINY_F16, TINY_LAYERS } from "./setup.ts";

const STORY = ["--prompt", "Tell me a story about a fox.", "--max-tokens", "60"];
const GENERATE = ["generate", TINY_F16, ...STORY, "--temperature", "0", "--local"];

interface Part {
  readonly device: string;
  readonly layers: number;
  readonly weight_bytes: number;
  readonly kv_bytes: number;
}

const layersOf = (parts: readonly Part[]) =>
  Object.fromEntries(
    parts.filter(({ layers }) => layers > 0).map((part) => [part.device, part.layers]),
  );

for (const count of [2, 3]) {
  rpcTest(`${count} workers give the same greedy text as one process`, async (machine) => {
    const alone = await machine.run(GENERATE);
    assertEquals(alone.code, 0, alone.stderr);
    const { rpc } = await machine.workers(count);
    const shared = await machine.run([...GENERATE, "--rpc", rpc]);
    assertEquals(shared.code, 0, shared.stderr);
    assert(alone.stdout.length > 20, alone.stdout);
    assertEquals(shared.stdout, alone.stdout);
  });
}

rpcTest("layers lie where the plan says, by shares, numbers and patterns", async (machine) => {
  const { rpc } = await machine.workers(2);
  const cases: readonly (readonly [string[], Record<string, number>])[] = [
    [["--tensor-split", "1,4"], { RPC0: 1, RPC1: 4 }],
    [["--tensor-split", "0,1"], { RPC1: TINY_LAYERS }],
    [["--gpu-layers", "2"], { CPU: 3, RPC0: 1, RPC1: 1 }],
    [["--split-mode", "none", "--main-gpu", "1"], { RPC1: TINY_LAYERS }],
  ];
  for (const [args, layers] of cases) {
    const load = [TINY_F16, "--rpc", rpc, "--ctx", "512", ...args];
    const plan = await machine.json(["plan", ...load, "--parallel", "1"]);
    const { placement } = await machine.json(["probe", ...load]);
    const what = args.join(" ");
    assertEquals([layersOf(plan.devices), plan.fits], [layers, true], what);
    assertEquals(layersOf(placement), layers, what);
    for (const part of (placement as Part[]).filter(({ device }) => device.startsWith("RPC"))) {
      const planned = plan.devices.find(({ device }: Part) => device === part.device);
      assertAlmostEquals(planned.weight_bytes, part.weight_bytes, 0.03 * 2 ** 20, what);
      assertAlmostEquals(planned.kv_bytes, part.kv_bytes, 0.02 * 2 ** 20, what);
    }
  }
  const usual = [TINY_F16, "--rpc", rpc, "--gpu-layers", "0"];
  const moved = await machine.json(["probe", ...usual, "--override-tensor", "ffn_up=RPC1"]);
  assert(moved.placement.find(({ device }: Part) => device === "RPC1").weight_bytes > 0);
});

rpcTest(
  "gpu-info lists workers with memory and latency, and those that do not answer",
  async (machine) => {
    const { all, rpc } = await machine.workers(2);
    const { workers } = await machine.json(["gpu-info", "--rpc", rpc]);
    assertEquals(
      workers.map(({ endpoint }: { endpoint: string }) => endpoint),
      all.map((one) => one.address),
    );
    for (const [index, worker] of workers.entries()) {
      assertEquals([worker.usable, worker.why], [true, null]);
      assert(worker.latency_ms > 0);
      const [device] = worker.devices;
      assertEquals([worker.devices.length, device.name], [1, `RPC${index}`]);
      assert(device.memory_total > 2 ** 28 && device.memory_free <= device.memory_total);
    }
    const nobody = `127.0.0.1:${freePort()}`;
    const { code, stdout } = await machine.run([
      "gpu-info",
      "--rpc",
      `${nobody},${all[0]!.address}`,
    ]);
    assertEquals(code, 1);
    assertStringIncludes(stdout, `Worker ${nobody} cannot be reached: connection refused`);
    assertStringIncludes(stdout, `RPC0, ${all[0]!.address}, `);
    const twice = `${all[0]!.address},localhost:${all[0]!.address.split(":")[1]}`;
    const both = await machine.run(["gpu-info", "--rpc", twice, "--json"]);
    assertEquals(both.code, 1);
    const [first, second] = JSON.parse(both.stdout).workers;
    assertEquals([first.usable, first.devices.length], [true, 1]);
    assertEquals([second.usable, second.devices.length], [false, 0]);
    assertEquals(
      second.why,
      `It is the worker of ${all[0]!.address}, and a load refuses it`,
    );
  },
);

rpcTest(
  "a worker that cannot be used is an error before native code is called",
  async (machine) => {
    const nobody = `127.0.0.1:${freePort()}`;
    for (const command of [GENERATE, ["plan", TINY_F16], ["probe", TINY_F16]]) {
      const { code, stderr } = await machine.run([...command, "--rpc", nobody]);
      assertEquals(code, 1, stderr);
      assertStringIncludes(
        stderr,
        `shimmy: Worker ${nobody} cannot be reached: connection refused`,
      );
    }
    const bad = await machine.run(["plan", TINY_F16, "--rpc", "nowhere"]);
    assertEquals(bad.code, 2);
    assertStringIncludes(bad.stderr, "--rpc: must be HOST:PORT");
    const { rpc } = await machine.workers(1);
    const row = await machine.run(["plan", TINY_F16, "--rpc", rpc, "--split-mode", "row"]);
    assertEquals(row.code, 2);
    assertStringIncludes(row.stderr, "--rpc: must have --split-mode layer or none, not row");
    const fallback = await machine.run([
      ...GENERATE,
      "--rpc",
      `${nobody},${rpc}`,
      "--rpc-fallback",
    ]);
    assertEquals(fallback.code, 0, fallback.stderr);
    assertStringIncludes(fallback.stderr, `Worker ${nobody} cannot be reached`);
    assertStringIncludes(fallback.stderr, "loading without it (--rpc-fallback)");
  },
);

rpcTest("the configuration names the workers of a model, which models share", async (machine) => {
  const { home } = machine.plain;
  const { all } = await machine.workers(2);
  for (const name of ["one", "two", "three"]) {
    await Deno.copyFile(TINY_F16, join(home, `${name}.gguf`));
  }
  const config = {
    models: {
      one: { rpc: all.map(({ address }) => address) },
      two: { rpc: all[1]!.address },
      three: {},
    },
    server: { "model-dirs": home, ctx: 512 },
  };
  await Deno.writeTextFile(join(home, "shimmy.json"), JSON.stringify(config));
  await using server = await Server.start(machine.plain, ["--port", "0"], machine.env);
  const loaded = async (model: string) => {
    const response = await server.generate({
      model,
      prompt: "Hello",
      max_tokens: 4,
      temperature: 0,
    });
    assertEquals(response.status, 200, await response.clone().text());
    await response.body?.cancel();
    const status = await fetch(server.url(`/api/models/${model}/status`));
    return layersOf((await status.json()).loaded.placement);
  };
  const [one, two, three] = [await loaded("one"), await loaded("two"), await loaded("three")];
  assertEquals(Object.keys(one), ["RPC0", "RPC1"]);
  assertEquals(two, { RPC0: TINY_LAYERS });
  assertEquals(three, { CPU: TINY_LAYERS });
});
