/** Vulkan for real, on Mesa's CPU device where there is no card. */
import { assertEquals, assertMatch } from "@std/assert";
import { SpyLibrary, spyProblem } from "../support/spy_library.ts";
import { checkFlags } from "../support/flag_checks.ts";
import { registerChecks } from "./checks.ts";
import { GpuMachine, missing, type PlacementJson, TINY_F16, VULKAN } from "./shimmy.ts";

await registerChecks(VULKAN);

const ignore = await missing(VULKAN) !== null;
const ON = ["--gpu-backend", "vulkan"];
/** The same device twice is two to ggml. */
const TWO = { GGML_VK_VISIBLE_DEVICES: "0,0" };

function layers(placement: readonly PlacementJson[]): Record<string, number> {
  return Object.fromEntries(placement.map((part) => [part.device, part.layers]));
}

Deno.test({
  name: "vulkan: two devices share a model by layers, or one of them has it all",
  ignore,
  fn: async () => {
    await using gpu = await GpuMachine.start(VULKAN);
    const shared = await gpu.json(["probe", TINY_F16, ...ON], TWO);
    assertEquals(layers(shared.placement), { Vulkan0: 3, Vulkan1: 2, CPU: 0 });
    for (const main of ["0", "1"]) {
      const args = ["--split-mode", "none", "--main-gpu", main];
      const alone = await gpu.json(["probe", TINY_F16, ...ON, ...args], TWO);
      assertEquals(layers(alone.placement), { [`Vulkan${main}`]: 5, CPU: 0 });
    }
    for (
      const [split, placed] of [
        ["4,1", { Vulkan0: 4, Vulkan1: 1, CPU: 0 }],
        ["0,1", { Vulkan1: 5, CPU: 0 }],
      ] as const
    ) {
      const report = await gpu.json(["probe", TINY_F16, ...ON, "--tensor-split", split], TWO);
      assertEquals(layers(report.placement), placed);
    }
    // Each has a part of every layer.
    const tensor = await gpu.json(["plan", TINY_F16, ...ON, "--split-mode", "tensor"], TWO);
    assertEquals(layers(tensor.devices), { Vulkan0: 5, Vulkan1: 5, CPU: 0 });
    assertEquals(tensor.offloaded_layers, 5);
    for (
      const [args, message] of [
        [
          ["--split-mode", "row"],
          "--split-mode row: Vulkan0 cannot split matrices by rows; use layer or none",
        ],
        [
          ["--tensor-split", "1,1,1"],
          "--tensor-split: 3 proportions are too many; available: 0 Vulkan0, 1 Vulkan1",
        ],
      ] as const
    ) {
      const { code, stderr } = await gpu.run(["probe", TINY_F16, ...ON, ...args], TWO);
      assertEquals([code, stderr], [1, `shimmy: ${message}\n`]);
    }
  },
});

const spyIgnore = ignore || await spyProblem() !== null;

Deno.test({
  name: "vulkan: every flag that places a model reaches the native call from every command",
  ignore: spyIgnore,
  fn: async () => {
    await using gpu = await GpuMachine.start(VULKAN);
    const { backends } = await gpu.json(["gpu-info", ...ON]);
    const { folder } = backends.find(({ backend }: { backend: string }) => backend === "vulkan");
    await using spy = await SpyLibrary.make(folder);
    const flags = ["--gpu-layers", "2", "--tensor-split", "3,1", "--cpu-moe"];
    await checkFlags(gpu.machine, spy, TINY_F16, {
      flags: [...ON, ...flags],
      check: ({ params, devices, split, overrides }) => {
        assertEquals(devices, ["Vulkan0", "Vulkan1"]);
        assertEquals([params.n_gpu_layers, split, overrides.length], [2, [3, 1], 1]);
      },
    }, gpu.env(TWO));
    await checkFlags(gpu.machine, spy, TINY_F16, {
      flags: ["--gpu-backend", "cpu"],
      check: ({ devices }) => assertEquals(devices, []),
    }, gpu.env(TWO));
  },
});

Deno.test({
  name: "vulkan: a CPU device that nobody named is not taken, and gpu-info says so",
  ignore,
  fn: async () => {
    await using gpu = await GpuMachine.start(VULKAN);
    const args = ["generate", TINY_F16, "--prompt", "Hello", "--max-tokens", "1"];
    const { code, stderr } = await gpu.run(args, { GGML_VK_VISIBLE_DEVICES: "" });
    assertEquals([code, stderr], [0, ""]);
    const info = await gpu.run(["gpu-info"], { GGML_VK_VISIBLE_DEVICES: "" });
    assertMatch(info.stdout, /^Running on the CPU \(.*Vulkan: no device: .*\)$/m);
    const asked = await gpu.run([...args, ...ON], { GGML_VK_VISIBLE_DEVICES: "" });
    assertEquals(asked.code, 1);
    assertMatch(asked.stderr, /^shimmy: --gpu-backend vulkan: no device: .*\n$/);
  },
});
