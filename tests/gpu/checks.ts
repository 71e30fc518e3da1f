import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import { Server } from "../cli/machine.ts";
import { DRAFT } from "../support/engine.ts";
import {
  type Backend,
  GpuMachine,
  missing,
  type PlacementJson,
  TINY_F16,
  TINY_LAYERS,
} from "./shimmy.ts";

const QUESTION = "What is the capital of France?";
const GENERATE = ["generate", TINY_F16, "--prompt", QUESTION, "--temperature", "0"];

/**
 * Registers what must hold on a machine with a device of a backend: the regressions of the flag that was
 * parsed and never used, by each command that takes it.
 */
export async function registerChecks(backend: Backend): Promise<void> {
  const reason = await missing(backend);
  const { name } = backend;
  if (reason !== null) console.log(`${name}: ${reason}`);
  const on = ["--gpu-backend", name];
  const device = `${backend.prefix}0`;
  const check = (what: string, fn: (gpu: GpuMachine) => Promise<void>) =>
    Deno.test({
      name: reason === null ? `${name}: ${what}` : `${name}: ${what} (skipped: ${backend.install})`,
      ignore: reason !== null,
      fn: async () => {
        await using gpu = await GpuMachine.start(backend);
        await fn(gpu);
      },
    });
  const find = (placement: readonly PlacementJson[], wanted: string) =>
    placement.find((part) => part.device === wanted);

  check("gpu-info lists the device and chooses it, asked for or not", async (gpu) => {
    for (const args of [on, []]) {
      const { chosen, backends } = await gpu.json(["gpu-info", ...args]);
      assertEquals(chosen, name);
      const report = backends.find((one: { backend: string }) => one.backend === name);
      assertEquals(report.devices[0].name, device);
      assert(report.devices[0].memory_total > 0);
    }
  });

  check("probe has all layers on the device, and says what lies where", async (gpu) => {
    const report = await gpu.json(["probe", TINY_F16, ...on]);
    assertEquals(report.offloaded_layers, TINY_LAYERS);
    const placed = find(report.placement, device)!;
    assertEquals(placed.layers, TINY_LAYERS);
    // Everything but the embedding of the input, which libllama leaves on the CPU.
    assert(placed.weight_bytes > 0.8 * report.model_bytes);
    assert(placed.kv_bytes > 0 && placed.compute_bytes > 0);
    assertEquals(find(report.placement, "CPU")!.layers, 0);
    assertEquals(find(report.placement, "CPU")!.kv_bytes, 0);
  });

  check("--gpu-layers 1 puts exactly one layer there", async (gpu) => {
    const report = await gpu.json(["probe", TINY_F16, ...on, "--gpu-layers", "1"]);
    assertEquals(report.offloaded_layers, 1);
    assertEquals(find(report.placement, device)!.layers, 1);
    assertEquals(find(report.placement, "CPU")!.layers, TINY_LAYERS - 1);
    assertEquals(find(report.placement, device)!.kv_bytes, 0);
  });

  check("--gpu-layers all and 0 are what they say", async (gpu) => {
    const all = await gpu.json(["probe", TINY_F16, ...on, "--gpu-layers", "all"]);
    assertEquals(all.offloaded_layers, TINY_LAYERS);
    const none = await gpu.json(["probe", TINY_F16, ...on, "--gpu-layers", "0"]);
    assertEquals(none.offloaded_layers, 0);
    assertEquals(find(none.placement, device)?.weight_bytes ?? 0, 0);
  });

  check("--gpu-backend cpu puts nothing there", async (gpu) => {
    const report = await gpu.json(["probe", TINY_F16, "--gpu-backend", "cpu"]);
    assertEquals(report.offloaded_layers, 0);
    assertEquals(
      report.placement.map((part: PlacementJson) => [part.device, part.layers]),
      [["CPU", TINY_LAYERS]],
    );
    assertEquals(report.devices.map((one: { kind: string }) => one.kind), ["cpu"]);
  });

  check("generate computes there, and the text is the CPU's", async (gpu) => {
    const cpu = await gpu.run([...GENERATE, "--gpu-backend", "cpu"]);
    const there = await gpu.run([...GENERATE, ...on, "--verbose"]);
    assertEquals(there.code, 0, there.stderr);
    assertEquals(there.stdout, cpu.stdout);
    assertEquals(there.stdout, "The capital of France is Paris.\n");
    assertStringIncludes(there.stderr, `offloaded ${TINY_LAYERS}/${TINY_LAYERS} layers to GPU`);
  });

  check("bench computes there", async (gpu) => {
    const sizes = ["--prompt-tokens", "16", "--max-tokens", "4", "--runs", "1"];
    const report = await gpu.json(["bench", TINY_F16, ...sizes, ...on]);
    assertEquals(report.offloaded_layers, TINY_LAYERS);
    assertEquals(find(report.placement, device)!.layers, TINY_LAYERS);
    assert(report.predicted_per_second.mean > 0);
    // The time of a prompt is that of computing it, and not of handing it over.
    const promptMs = 16 / report.prompt_per_second.mean * 1000;
    assert(promptMs > 0.5 * report.first_token_ms.mean, JSON.stringify(report));
  });

  check("serve computes there and tells so, at its start and when asked", async (gpu) => {
    const args = ["--port", "0", "--model-path", TINY_F16, ...on];
    await using server = await Server.start(gpu.machine, args, gpu.env());
    const answer = await server.generate({ prompt: QUESTION, temperature: 0 });
    assertEquals((await answer.json()).response, "The capital of France is Paris.");
    const get = async (path: string) => await (await fetch(server.url(path))).json();
    const { loaded } = await get("/api/models/shimmy-tiny-f16/status");
    assertEquals(loaded.offloaded_layers, TINY_LAYERS);
    assertEquals(find(loaded.placement, device)!.layers, TINY_LAYERS);
    const [model] = (await get("/diag")).models
      .filter((one: { state: string }) => one.state === "loaded");
    assertEquals(model.placement, loaded.placement);
    const [running] = (await get("/api/ps")).models;
    const { weight_bytes, kv_bytes, compute_bytes } = find(loaded.placement, device)!;
    assertEquals(running.size_vram, weight_bytes + kv_bytes + compute_bytes);
    assert(running.size > running.size_vram);
    const plan = await get("/api/models/shimmy-tiny-f16/plan");
    assertEquals([plan.fits, plan.offloaded_layers], [true, TINY_LAYERS]);
    server.kill("SIGTERM");
    const { stderr } = await server.ended();
    assertStringIncludes(stderr, `${TINY_LAYERS} of ${TINY_LAYERS} layers on ${device}`);
    assert(!stderr.includes("on the CPU"), stderr);
  });

  check("a plan is what loading does", async (gpu) => {
    for (
      const more of [
        ["--gpu-layers", "all"],
        ["--gpu-layers", "2"],
        ["--draft", DRAFT],
        ["--kv-type", "q8_0", "--ctx", "2048"],
      ]
    ) {
      const args = [TINY_F16, ...on, ...more];
      const plan = await gpu.json(["plan", ...args, "--parallel", "1"]);
      const probe = await gpu.json(["probe", ...args]);
      assertEquals(plan.fits, true);
      assertEquals(plan.offloaded_layers, probe.offloaded_layers);
      for (const part of probe.placement as PlacementJson[]) {
        const planned = find(plan.devices, part.device)!;
        assertEquals(planned.layers, part.layers);
        // The log gives hundredths of a MiB; on the CPU a copy may lie in a buffer of its own.
        const tolerance = part.device === "CPU" ? 0.6 * 2 ** 20 : 0.03 * 2 ** 20;
        assertAlmostEquals(planned.weight_bytes, part.weight_bytes, tolerance);
        assertAlmostEquals(planned.kv_bytes, part.kv_bytes, 0.01 * 2 ** 20);
        assertAlmostEquals(planned.compute_bytes, part.compute_bytes, 0.02 * 2 ** 20);
      }
    }
  });

  check(
    "a second model takes the place of one that is idle, or fewer layers of its own",
    async (gpu) => {
      const { home } = gpu.machine;
      for (const name of ["one", "two", "three"]) {
        await Deno.copyFile(TINY_F16, join(home, `${name}.gguf`));
      }
      const size = ["--ctx", "100000", "--parallel", "1"];
      const plan = await gpu.json(["plan", TINY_F16, ...on, ...size]);
      const part = find(plan.devices, device)!;
      const need = part.weight_bytes + part.kv_bytes + part.compute_bytes;
      assert(need > 200 * 2 ** 20, `${need} bytes are too few to be told from those of others`);
      const { memory_free: free } = plan.devices.find((one: PlacementJson) =>
        one.device === device
      );
      // Room for one of them and a half.
      const reserve = Math.floor((free - 1.5 * need) / 2 ** 20);
      const args = ["--port", "0", "--model-dirs", home, ...on, ...size];
      const models = [...args, "--gpu-reserve", String(reserve)];
      await using server = await Server.start(gpu.machine, models, gpu.env());
      const states = async () =>
        await Promise.all(["one", "two", "three"].map(async (name) => {
          const { state, loaded } = await (await fetch(server.url(`/api/models/${name}/status`)))
            .json();
          return [state, loaded?.offloaded_layers ?? 0];
        }));
      const load = async (name: string, body: object = {}) => {
        const url = server.url(`/api/models/${name}/load`);
        const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
        assertEquals(response.status, 200, await response.text());
      };
      await load("one");
      await load("two", { keep_alive: -1 });
      const [unloaded, all] = [["unloaded", 0], ["loaded", TINY_LAYERS]];
      assertEquals(await states(), [unloaded, all, unloaded]);
      // The second one is pinned now: what is left is for some layers of the third.
      await load("three");
      const [first, second, [state, layers]] = await states() as [
        unknown,
        unknown,
        [string, number],
      ];
      assertEquals([first, second, state], [unloaded, all, "loaded"]);
      assert(layers > 0 && layers < TINY_LAYERS, `${layers} layers`);
      server.kill("SIGTERM");
      const { stderr } = await server.ended();
      assertMatch(
        stderr,
        new RegExp(`Unloading one: two needs 0\\.\\d GiB on ${device}, but only `),
      );
      assertMatch(stderr, /three needs 0\.\d GiB on .*; offloading as many layers as fit/);
      assertStringIncludes(stderr, `${layers} of ${TINY_LAYERS} layers fit the memory`);
    },
  );

  check("auto places as many layers as the free memory holds", async (gpu) => {
    // The free memory of a device changes by megabytes; a layer with so many cells has tens of them.
    const sized = [TINY_F16, ...on, "--ctx", "100000"];
    const one = ["--parallel", "1"];
    const all = await gpu.json(["plan", ...sized, ...one]);
    const part = find(all.devices, device)!;
    const free = all.devices.find((at: PlacementJson) => at.device === device).memory_free;
    // Room for what is computed in and about half of the rest.
    const room = part.compute_bytes + (part.weight_bytes + part.kv_bytes) / 2;
    const reserve = ["--gpu-reserve", String(Math.floor((free - room) / 2 ** 20))];
    const plan = await gpu.json(["plan", ...sized, ...one, ...reserve]);
    assert(plan.offloaded_layers > 0 && plan.offloaded_layers < TINY_LAYERS, JSON.stringify(plan));
    const probe = await gpu.json(["probe", ...sized, ...reserve]);
    assertEquals(probe.offloaded_layers, plan.offloaded_layers);
    assertStringIncludes(
      probe.notes.join(),
      `${plan.offloaded_layers} of ${TINY_LAYERS} layers fit`,
    );
    const none = await gpu.json(["plan", ...sized, ...one, "--gpu-reserve", "100000000"]);
    assertEquals(none.offloaded_layers, 0);
  });

  check("a device that is not there cannot be the main one", async (gpu) => {
    const args = ["--gpu-layers", "all", "--split-mode", "none", "--main-gpu", "7"];
    const { code, stderr } = await gpu.run(["probe", TINY_F16, ...on, ...args]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, `--main-gpu: 7 is not the index of a GPU; available: 0 ${device}`);
  });
}
