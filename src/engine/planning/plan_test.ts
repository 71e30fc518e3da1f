import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withFolder } from "../../../ffi/testing.ts";
import { writeModel } from "../../../scripts/bench/gguf_writer.ts";
import { QUICK_SHAPE } from "../../../scripts/bench/models.ts";
import { benchVocabulary } from "../../../scripts/bench/vocabulary.ts";
import { hybridModel } from "../../../tests/models/hybrid.ts";
import { hybridSsmModel } from "../../../tests/models/hybrid_ssm.ts";
import { mambaModel } from "../../../tests/models/recurrent.ts";
import { windowedModel } from "../../../tests/models/windowed.ts";
import { ENCODERS } from "../../../tests/models/encoders.ts";
import { LOCK, MAIN } from "../../../tests/support/source.ts";
import { DRAFT, PIRATE_LORA, TINY, TINY_F16, tinyOptions } from "../../../tests/support/engine.ts";
import { ENGINE_COMMAND } from "../process/engine_program.ts";
import { loadEngine } from "../load_engine.ts";
import { ShimmyError } from "../../errors.ts";
import type { ChildCommand } from "../process/spare_process.ts";
import { planLoad, type PlanOptions } from "./plan.ts";
import { PLAN_COMMAND } from "./plan_messages.ts";
import type { LoadOptions } from "../protocol/mod.ts";

const RIGHTS = ["ffi", "read", "env", "sys"].map((right) => `--allow-${right}`);
const command = (name: string): ChildCommand => [
  Deno.execPath(),
  "run",
  "--quiet",
  LOCK,
  ...RIGHTS,
  MAIN,
  name,
];

async function plan(changes: Partial<LoadOptions>, how: Partial<PlanOptions> = {}) {
  const options = await tinyOptions({ devices: [], modelPaths: [TINY_F16], ...changes });
  return await planLoad(options, {
    command: command(PLAN_COMMAND),
    chooseLayers: false,
    reserve: null,
    ...how,
  });
}

Deno.test("a plan has the memory of a model without loading weights", async () => {
  const found = await plan({ parallel: 2 });
  assertEquals([found.fits, found.layers, found.offloadedLayers], [true, 5, 0]);
  assertEquals([found.contextLength, found.parallel, found.memory], [1024, 2, "attention"]);
  const [cpu] = found.devices;
  assertEquals([found.devices.length, cpu!.device, cpu!.layers], [1, "CPU", 5]);
  // Four layers of two heads of 64, keys and values in half precision, for two sequences.
  assertEquals(cpu!.kvBytes, 4 * 2 * 64 * 2 * 2 * 1024 * 2);
  const { size } = await Deno.stat(TINY_F16);
  assert(cpu!.weightBytes > 0.95 * size && cpu!.weightBytes < size);
  assert(cpu!.computeBytes > 0);
  assertEquals([found.expertBytes, found.savedBytes], [0, 0]);
});

Deno.test("load options apply to a plan", async () => {
  const usual = (await plan({})).devices[0]!.kvBytes;
  assertEquals((await plan({ contextLength: 512 })).devices[0]!.kvBytes, usual / 2);
  assertEquals((await plan({ kvType: "f32" })).devices[0]!.kvBytes, usual * 2);
  const small = await plan({ modelPaths: [TINY] });
  assert(small.devices[0]!.weightBytes < 2e6);
});

Deno.test("a small sliding window reaches the native context", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "windowed.gguf");
    await Deno.writeFile(path, windowedModel());
    const kvBytes = async (swaFull: LoadOptions["swaFull"]) => {
      const changes = {
        modelPaths: [path],
        contextLength: 2048,
        parallel: 1,
        batchSize: 64,
        swaFull,
      };
      return (await plan(changes)).devices[0]!.kvBytes;
    };
    const full = await kvBytes("on");
    // Six layers of two KV heads of 16, keys and values in half precision.
    assertEquals(full, 6 * 2 * 16 * 2 * 2 * 2048);
    assertEquals(await kvBytes("auto"), full);
    assert(await kvBytes("off") < full / 3);
  });
});

Deno.test("a plan tells that --swa-full off has no effect without a sliding window", async () => {
  const notes = async (swaFull: LoadOptions["swaFull"]) =>
    (await plan({ modelPaths: [TINY], swaFull })).notes;
  assertEquals(await notes("auto"), []);
  assertEquals(await notes("off"), [
    "--swa-full off has no effect: no layer of the model has a sliding window",
  ]);
});

Deno.test("a plan names the kind of memory, and its KV cache is what libllama allocates", async () => {
  const kinds = {
    "a small window in streams": [windowedModel, "window", { swaFull: "off" }],
    "a small window in one buffer": [windowedModel, "window", { swaFull: "off", kvUnified: true }],
    "a window with all cells": [windowedModel, "window_all_cells", { swaFull: "on" }],
    "recurrent layers": [mambaModel, "recurrent", {}],
    "convolutions and attention": [hybridModel, "hybrid", {}],
    "state-space layers and attention": [hybridSsmModel, "hybrid", {}],
  } as const;
  await withFolder(async (folder) => {
    for (const [name, [model, kind, options]] of Object.entries(kinds)) {
      const path = join(folder, "model.gguf");
      await Deno.writeFile(path, model());
      const changes = { modelPaths: [path], contextLength: 2048, parallel: 3, ...options };
      const { shape, memory, devices } = await plan(changes);
      assertEquals(memory, kind, name);
      const { kvBytes } = devices[0]!;
      assert(shape.kvBytes > 0.9 * kvBytes, `${name}: ${shape.kvBytes}, allocated ${kvBytes}`);
      assert(shape.kvBytes < 1.1 * kvBytes, `${name}: ${shape.kvBytes}, allocated ${kvBytes}`);
    }
  });
});

Deno.test("a draft model leaves less memory for the context", async () => {
  const memoryLimit = 2 ** 29 + 16 * 2 ** 20;
  const limited = { contextLength: 0, parallel: 4, kvUnified: "auto", memoryLimit } as const;
  const alone = await plan(limited);
  const drafting = await plan({ ...limited, draftPaths: [DRAFT] });
  assert(drafting.shape.cells < alone.shape.cells);
  const { kvBytes } = drafting.devices[0]!;
  assertAlmostEquals(drafting.shape.kvBytes, kvBytes, ROUNDING);
  // A load chooses the same.
  const options = await tinyOptions({ modelPaths: [TINY_F16], ...limited, draftPaths: [DRAFT] });
  await using engine = await loadEngine(options);
  assertEquals(engine.info.shape?.cells, drafting.shape.cells);
});

Deno.test("a projector in main memory leaves less memory for the context", async () => {
  await withFolder(async (folder) => {
    const projector = { path: join(folder, "mmproj.gguf"), offload: false, isOptional: true };
    await Deno.writeFile(projector.path, new Uint8Array(4 * 2 ** 20));
    const memoryLimit = 2 ** 29 + 16 * 2 ** 20;
    const limited = { contextLength: 0, parallel: 4, kvUnified: "auto", memoryLimit } as const;
    const alone = await plan(limited);
    const beside = await plan({ ...limited, projector });
    const lost = alone.shape.kvBytes - beside.shape.kvBytes;
    assert(lost > 2 * 2 ** 20 && lost <= 4 * 2 ** 20, `${lost} bytes`);
  });
});

/** Half of the hundredth of a MiB in which the log counts, for each of the lines that are added up. */
const ROUNDING = 8 * 0.005 * 2 ** 20;

Deno.test("a plan matches the memory of a load with the same options", async () => {
  const kinds: readonly Partial<LoadOptions>[] = [
    {},
    { kvType: "q8_0", contextLength: 2048, parallel: 3 },
    { kvUnified: true, parallel: 4, batchSize: 128 },
    { loras: [{ path: PIRATE_LORA, scale: 1 }] },
    { draftPaths: [DRAFT], parallel: 2 },
  ];
  for (const changes of kinds) {
    const cpu = (await plan(changes)).devices.find(({ device }) => device === "CPU")!;
    const options = await tinyOptions({ devices: [], modelPaths: [TINY_F16], ...changes });
    await using engine = await loadEngine(options, { isolate: command(ENGINE_COMMAND) });
    const { placement: [loaded], contextLength } = engine.info;
    const what = JSON.stringify(changes);
    assertAlmostEquals(cpu.weightBytes, loaded!.weightBytes, ROUNDING, what);
    assertAlmostEquals(cpu.kvBytes, loaded!.kvBytes!, ROUNDING, what);
    assertAlmostEquals(cpu.computeBytes, loaded!.computeBytes!, ROUNDING, what);
    assertEquals(contextLength, options.contextLength || 1024);
  }
});

Deno.test("the plan of an encoder includes its embedding context", async () => {
  await withFolder(async (folder) => {
    for (const name of ["bert-mean", "qwen3-last"] as const) {
      const path = join(folder, `${name}.gguf`);
      await Deno.writeFile(path, ENCODERS[name]());
      for (const batchSize of [0, 32]) {
        const [cpu] = (await plan({ modelPaths: [path], batchSize })).devices;
        const options = await tinyOptions({ devices: [], modelPaths: [path], batchSize });
        await using engine = await loadEngine(options);
        const [taken] = (await engine.status()).embedding!.memory!;
        assertAlmostEquals(cpu!.computeBytes, taken!.computeBytes, ROUNDING, name);
        assertAlmostEquals(cpu!.kvBytes, taken!.kvBytes, ROUNDING, name);
        assert(taken!.computeBytes > ROUNDING, name);
      }
    }
  });
});

Deno.test("a plan includes adapters, a draft model and saved prefixes", async () => {
  const of = async (changes: Partial<LoadOptions>) => (await plan(changes)).devices[0]!;
  const alone = await of({});
  const adapted = await of({ loras: [{ path: PIRATE_LORA, scale: 1 }] });
  const { size } = await Deno.stat(PIRATE_LORA);
  const adapter = adapted.weightBytes - alone.weightBytes;
  assert(adapter > 0.9 * size && adapter < size, `${adapter} of ${size}`);
  const drafting = await of({ draftPaths: [DRAFT] });
  const draft = drafting.weightBytes - alone.weightBytes;
  const { size: draftSize } = await Deno.stat(DRAFT);
  assert(draft > 0.8 * draftSize && draft < draftSize, `${draft} of ${draftSize}`);
  assert(drafting.kvBytes > alone.kvBytes && drafting.computeBytes > alone.computeBytes);
  assertEquals(alone.cacheBytes, 256 * 2 ** 20);
  await withFolder(async (folder) => {
    const other = join(folder, "other.gguf");
    await writeModel(other, QUICK_SHAPE, benchVocabulary(512));
    const without = await plan({ draftPaths: [other], isDraftOptional: true });
    assertEquals(without.notes, [
      "The draft model is skipped: its vocabulary differs from that of the model",
    ]);
    const { kvBytes, computeBytes, weightBytes } = without.devices[0]!;
    assertEquals(
      [kvBytes, computeBytes, weightBytes],
      [alone.kvBytes, alone.computeBytes, alone.weightBytes],
    );
  });
  const error = await assertRejects(() => plan({ draftPaths: [PIRATE_LORA] }), ShimmyError);
  assertEquals(error.message, "Cannot load model: file is an adapter, not a model");
});

Deno.test("planning fails with the same error as loading", async () => {
  const error = await assertRejects(
    () => plan({ modelPaths: [fileURLToPath(import.meta.url)] }),
    ShimmyError,
    "file is not GGUF",
  );
  assertEquals(error.kind, "backend");
  await assertRejects(
    () => plan({ devices: ["GPU7"] }),
    ShimmyError,
    "Device 'GPU7' not found",
  );
  await assertRejects(
    () => plan({ tensorOverrides: [{ pattern: "x", buffer: "GPU7" }] }),
    ShimmyError,
    "buffer 'GPU7' not found; available: ",
  );
});

Deno.test({
  name: "a planning process that is stopped is ended after the time for a response",
  ignore: Deno.build.os === "windows",
  async fn() {
    const script = "console.error(Deno.pid); Deno.kill(Deno.pid, 'SIGSTOP')";
    const stopped: ChildCommand = [Deno.execPath(), "eval", "--quiet", script];
    const error = await assertRejects(
      // Long enough for the process to start.
      () => plan({}, { command: stopped, responseMs: 5_000 }),
      ShimmyError,
      "Cannot plan the load: the planning process did not respond within 5 s",
    );
    assertEquals(error.kind, "backend");
    const pid = Number(error.detail?.trim());
    assert(pid > 0, `the process wrote ${error.detail}`);
    // The process was ended, and its status was read.
    assertThrows(() => Deno.kill(pid, "SIGCONT"), Deno.errors.NotFound);
  },
});

Deno.test("a planning process that ends and an abort signal are errors", async () => {
  const ending: ChildCommand = [
    Deno.execPath(),
    "eval",
    "--quiet",
    "console.error('oh'); Deno.exit(3)",
  ];
  const error = await assertRejects(() => plan({}, { command: ending }), ShimmyError, "ended");
  assertEquals(error.detail?.trim(), "oh");
  const controller = new AbortController();
  const waiting: ChildCommand = [Deno.execPath(), "eval", "--quiet", "setTimeout(() => {}, 60000)"];
  const planning = plan({}, { command: waiting, signal: controller.signal });
  controller.abort();
  const cancelled = await assertRejects(() => planning, ShimmyError);
  assertEquals(cancelled.kind, "cancelled");
});
