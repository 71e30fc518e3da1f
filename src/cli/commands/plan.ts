import { type LoadPlan, plannedBytes } from "../../engine/planning/mod.ts";
import { command, EXIT, stoppable } from "../environment/mod.ts";
import { bytes, facts, table } from "../output/mod.ts";
import { openNamed, PULL_OPTIONS } from "../sessions/mod.ts";
import { flag, integer } from "../options/mod.ts";

/** `plan`: whether and how a model would fit, without loading its weights. */
export default command({
  operands: ["NAME"],
  options: {
    "parallel": integer({
      min: 1,
      max: 256,
      fallback: 1,
      help: "answers that shall run at once; the default is 1",
    }),
    "json": flag({ help: "print JSON" }),
    ...PULL_OPTIONS,
  },
  run: ({ values, globals, config, operands }, world) =>
    stoppable(world, EXIT.interrupted, async (signal) => {
      const { yes, parallel } = values;
      const request = { asked: operands[0], yes, globals, config, parallel, signal };
      await using session = await openNamed(world, request);
      const entry = await session.choose();
      const plan = await session.pool.plan(entry, signal);
      await world.output.print(
        values.json
          ? JSON.stringify({ model: entry.name, ...planJson(plan) })
          : readable(entry.name, plan),
      );
      return plan.fits ? EXIT.ok : EXIT.failure;
    }),
});

/** For a program to read: bytes. */
export function planJson(plan: LoadPlan) {
  return {
    fits: plan.fits,
    layers: plan.layers,
    offloaded_layers: plan.offloadedLayers,
    context_length: plan.contextLength,
    parallel: plan.parallel,
    devices: plan.devices.map((device) => ({
      device: device.device,
      layers: device.layers,
      weight_bytes: device.weightBytes,
      kv_bytes: device.kvBytes,
      compute_bytes: device.computeBytes,
      cache_bytes: device.cacheBytes,
      memory_free: device.memoryFree,
      memory_total: device.memoryTotal,
      memory_reserved: device.memoryReserved,
    })),
    expert_bytes: plan.expertBytes,
    saved_bytes: plan.savedBytes,
    notes: plan.notes,
  };
}

function readable(name: string, plan: LoadPlan): string {
  return [
    facts([
      ["model", name],
      ["fits", plan.fits ? "yes" : "no"],
      ["layers on devices", `${plan.offloadedLayers} of ${plan.layers}`],
      ["context length", `${plan.contextLength} tokens, ${plan.parallel} at once`],
      ...(plan.expertBytes === 0 ? [] : [["experts", bytes(plan.expertBytes)] as const]),
      ...(plan.savedBytes === 0 ? [] : [["kept off the devices", bytes(plan.savedBytes)] as const]),
      ...plan.notes.map((note) => ["note", note] as const),
    ]),
    table([
      [
        "DEVICE",
        "LAYERS",
        "WEIGHTS",
        "KV CACHE",
        "COMPUTE",
        "PREFIXES",
        "TOTAL",
        "FREE",
        "RESERVE",
      ],
      ...plan.devices.map((device) => [
        device.device,
        device.layers,
        bytes(device.weightBytes),
        bytes(device.kvBytes),
        bytes(device.computeBytes),
        bytes(device.cacheBytes),
        bytes(plannedBytes(device) + device.cacheBytes),
        bytes(device.memoryFree),
        bytes(device.memoryReserved),
      ]),
    ]),
  ].join("\n\n");
}
