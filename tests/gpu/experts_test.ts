/** Experts kept in the CPU's memory, on Mesa's CPU device. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { writeModel } from "../../scripts/bench/gguf_writer.ts";
import { benchVocabulary } from "../../scripts/bench/vocabulary.ts";
import { GpuMachine, missing, type PlacementJson, VULKAN } from "./shimmy.ts";

const ignore = await missing(VULKAN) !== null;
const LAYERS = 4;
/** In half precision: three matrices of 64 by 128 for each of 8 experts. */
const EXPERTS_OF_LAYER = 3 * 8 * 64 * 128 * 2;

/** A mixture of experts with random weights. */
async function moeModel(folder: string): Promise<string> {
  const path = join(folder, "moe.gguf");
  await writeModel(path, {
    type: "f16",
    embedding: 64,
    layers: LAYERS,
    heads: 4,
    kvHeads: 2,
    feedForward: 128,
    context: 256,
    experts: { count: 8, used: 2 },
    seed: 3,
  }, benchVocabulary(512));
  return path;
}

function test(name: string, fn: (gpu: GpuMachine, model: string) => Promise<void>): void {
  Deno.test({
    name: `experts: ${name}`,
    ignore,
    fn: async () => {
      await using gpu = await GpuMachine.start(VULKAN);
      await fn(gpu, await moeModel(gpu.machine.home));
    },
  });
}

const ON = ["--gpu-backend", "vulkan", "--gpu-layers", "all"];

async function weights(gpu: GpuMachine, model: string, args: string[]) {
  const { placement } = await gpu.json(["probe", model, ...ON, ...args]) as {
    placement: PlacementJson[];
  };
  const of = (device: string) =>
    placement.find((part) => part.device === device)?.weight_bytes ?? 0;
  return { gpu: of("Vulkan0"), cpu: of("CPU"), placement };
}

/** Whether two sizes are the same, as far as the log of hundredths of a MiB tells. */
function near(one: number, other: number): boolean {
  return Math.abs(one - other) <= 0.021 * 2 ** 20;
}

test("--cpu-moe and --n-cpu-moe take them off the device, and layers stay", async (gpu, model) => {
  const all = await weights(gpu, model, []);
  for (
    const [args, layers] of [
      [["--cpu-moe"], LAYERS],
      [["--n-cpu-moe", "1"], 1],
      [["--n-cpu-moe", "3"], 3],
    ] as const
  ) {
    const kept = await weights(gpu, model, [...args]);
    const moved = layers * EXPERTS_OF_LAYER;
    assert(near(all.gpu - kept.gpu, moved), `${args}: ${all.gpu} ${kept.gpu}`);
    // The CPU maps the file from its first tensor to its last, with what lies between them.
    assert(kept.cpu - all.cpu >= moved - 0.02 * 2 ** 20, `${args}: ${all.cpu} ${kept.cpu}`);
    const placed = kept.placement.find((part) => part.device === "Vulkan0")!;
    assertEquals(placed.layers, LAYERS + 1);
  }
});

test(
  "--override-tensor places what its pattern names, in a buffer that is there",
  async (gpu, model) => {
    const all = await weights(gpu, model, []);
    const kept = await weights(gpu, model, ["--override-tensor", "blk\\.[01]\\.ffn_up_exps=CPU"]);
    assert(near(all.gpu - kept.gpu, 2 * EXPERTS_OF_LAYER / 3));
    const args = ["probe", model, ...ON, "--override-tensor", "ffn=Nowhere"];
    const { code, stderr } = await gpu.run(args);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "buffer 'Nowhere' not found; available: ");
    assertStringIncludes(stderr, "Vulkan0");
  },
);

test("a plan shows the saving without loading", async (gpu, model) => {
  const plan = await gpu.json(["plan", model, ...ON, "--n-cpu-moe", "2"]);
  assertEquals(plan.expert_bytes, LAYERS * EXPERTS_OF_LAYER);
  assertEquals(plan.saved_bytes, 2 * EXPERTS_OF_LAYER);
  const without = await gpu.json(["plan", model, ...ON]);
  assertEquals(without.saved_bytes, 0);
  const onDevice = (report: { devices: PlacementJson[] }) =>
    report.devices.find((part) => part.device === "Vulkan0")!.weight_bytes;
  assertEquals(onDevice(without) - onDevice(plan), 2 * EXPERTS_OF_LAYER);
});

test("the text stays the same wherever they are", async (gpu, model) => {
  const ask = ["generate", model, "--raw", "--prompt", "a bcd ef", "--max-tokens", "12"];
  const text = async (args: string[]) => {
    const { code, stdout, stderr } = await gpu.run([...ask, "--temperature", "0", ...args]);
    assertEquals(code, 0, stderr);
    return stdout;
  };
  const cpu = await text(["--gpu-backend", "cpu"]);
  assert(cpu.trim().length > 0);
  assertEquals(await text(ON), cpu);
  assertEquals(await text([...ON, "--cpu-moe"]), cpu);
  assertEquals(await text([...ON, "--n-cpu-moe", "2"]), cpu);
});
