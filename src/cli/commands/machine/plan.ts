import { type LoadPlan, plannedBytes } from "../../../engine/planning/mod.ts";
import { command, EXIT, interruptible } from "../../environment/mod.ts";
import { bytes, fields, memoryFields, table } from "../../output/mod.ts";
import { shapeJson } from "../../../models/entry/mod.ts";
import { MODEL_OPTIONS, nameOf, openNamedModel, PULL_OPTIONS } from "../../sessions/mod.ts";
import { flag, parallel } from "../../options/mod.ts";

/** `plan`: estimates memory and placement of a model without loading its weights. */
export default command({
  operands: ["NAME"],
  options: {
    "parallel": parallel("requests that run in parallel; auto: as serve chooses; default auto"),
    "json": flag({ help: "print JSON" }),
    ...MODEL_OPTIONS,
    ...PULL_OPTIONS,
  },
  run: ({ values, globals, config, operands }, environment) =>
    interruptible(environment, EXIT.interrupted, async (signal) => {
      const { yes } = values;
      const asked = nameOf("plan", values.name, operands[0]);
      const request = { asked, yes, globals, config, parallel: values.parallel, signal };
      await using session = await openNamedModel(environment, request);
      const entry = await session.selectModel();
      const plan = await session.registry.plan(entry, signal);
      await environment.output.print(
        values.json
          ? JSON.stringify({ model: entry.name, ...planJson(plan) })
          : readable(entry.name, plan),
      );
      return plan.fits ? EXIT.ok : EXIT.failure;
    }),
});

/** The report for `--json`. Sizes are in bytes. */
export function planJson(plan: LoadPlan) {
  return {
    fits: plan.fits,
    layers: plan.layers,
    offloaded_layers: plan.offloadedLayers,
    context_length: plan.contextLength,
    parallel: plan.parallel,
    context: shapeJson(plan.shape),
    memory: plan.memory,
    sliding_window_bytes: plan.slidingBytes,
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
    fields([
      ["model", name],
      ["fits", plan.fits ? "yes" : "no"],
      ["layers on devices", `${plan.offloadedLayers} of ${plan.layers}`],
      ["context length", `${plan.contextLength} tokens, ${plan.parallel} in parallel`],
      ["context", plan.shape.reason],
      ...memoryFields(plan),
      ...slidingFields(plan),
      ...(plan.expertBytes === 0 ? [] : [["experts", bytes(plan.expertBytes)] as const]),
      ...(plan.savedBytes === 0 ? [] : [["kept in main memory", bytes(plan.savedBytes)] as const]),
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

/** The KV cache of both ways to keep the cells of layers with a sliding window. */
function slidingFields({ slidingBytes, shape }: LoadPlan): readonly (readonly [string, string])[] {
  if (slidingBytes === null) return [];
  const { full, window } = slidingBytes;
  const chosen = shape.swaFull ? "on" : "off";
  return [[
    "--swa-full",
    `${chosen}: KV cache of ${bytes(full)} with all cells, ${bytes(window)} with the window`,
  ]];
}
