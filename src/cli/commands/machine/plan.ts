import { type LoadPlan, plannedBytes } from "../../../engine/planning/mod.ts";
import { command, EXIT, interruptible } from "../../environment/mod.ts";
import { bytes, fields, memoryFields, table } from "../../output/mod.ts";
import { planJson } from "../../../models/entry/mod.ts";
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
