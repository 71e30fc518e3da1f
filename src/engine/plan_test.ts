import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { TINY, TINY_F16, tinyOptions } from "../../tests/support/engine.ts";
import { ShimmyError } from "../errors.ts";
import type { ChildCommand } from "./child_link.ts";
import { planLoad, type PlanOptions } from "./plan.ts";
import { PLAN_COMMAND } from "./plan_messages.ts";
import type { LoadOptions } from "./protocol.ts";

const RIGHTS = ["ffi", "read", "env", "sys"].map((right) => `--allow-${right}`);
const COMMAND: ChildCommand = [
  Deno.execPath(),
  "run",
  "--quiet",
  ...RIGHTS,
  fromFileUrl(new URL("../../main.ts", import.meta.url)),
  PLAN_COMMAND,
];

async function plan(changes: Partial<LoadOptions>, how: Partial<PlanOptions> = {}) {
  const options = await tinyOptions({ devices: [], modelPaths: [TINY_F16], ...changes });
  return await planLoad(options, {
    command: COMMAND,
    chooseLayers: false,
    reserve: null,
    ...how,
  });
}

Deno.test("a plan tells what a model takes, without its weights", async () => {
  const found = await plan({ parallel: 2 });
  assertEquals([found.fits, found.layers, found.offloadedLayers], [true, 5, 0]);
  assertEquals([found.contextLength, found.parallel], [1024, 2]);
  const [cpu] = found.devices;
  assertEquals([found.devices.length, cpu!.device, cpu!.layers], [1, "CPU", 5]);
  // Four layers of two heads of 64, keys and values in half precision, for two sequences.
  assertEquals(cpu!.kvBytes, 4 * 2 * 64 * 2 * 2 * 1024 * 2);
  const { size } = await Deno.stat(TINY_F16);
  assert(cpu!.weightBytes > 0.95 * size && cpu!.weightBytes < size);
  assert(cpu!.computeBytes > 0);
  assertEquals([found.expertBytes, found.savedBytes], [0, 0]);
});

Deno.test("options shape a plan as they shape the load", async () => {
  const usual = (await plan({})).devices[0]!.kvBytes;
  assertEquals((await plan({ contextLength: 512 })).devices[0]!.kvBytes, usual / 2);
  assertEquals((await plan({ kvType: "f32" })).devices[0]!.kvBytes, usual * 2);
  const small = await plan({ modelPaths: [TINY] });
  assert(small.devices[0]!.weightBytes < 2e6);
});

Deno.test("what cannot be loaded cannot be planned, for the same reason", async () => {
  const error = await assertRejects(
    () => plan({ modelPaths: [fromFileUrl(import.meta.url)] }),
    ShimmyError,
    "not a GGUF",
  );
  assertEquals(error.kind, "backend");
  await assertRejects(
    () => plan({ devices: ["GPU7"] }),
    ShimmyError,
    "No device is named 'GPU7'",
  );
  await assertRejects(
    () => plan({ tensorOverrides: [{ pattern: "x", buffer: "GPU7" }] }),
    ShimmyError,
    "no buffer is named 'GPU7'; there are: ",
  );
});

Deno.test("a process that ends is an error, and so is a signal", async () => {
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
