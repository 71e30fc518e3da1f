import {
  type LoadPlan,
  PLAN_COMMAND,
  PLAN_MODULE,
  planLoad,
  plannedBytes,
  type PlanOptions,
} from "../../engine/planning/mod.ts";
import type { LoadOptions } from "../../engine/protocol/mod.ts";
import { MAIN_MEMORY, type MemoryEstimate } from "../../models/memory/mod.ts";
import { ownCommand } from "../../own_command.ts";
import type { GlobalValues } from "../options/mod.ts";

/** Plans the placement of a model under the global options. */
export function planModel(
  globals: GlobalValues,
  options: LoadOptions,
  { held, signal }: Pick<PlanOptions, "held" | "signal">,
): Promise<LoadPlan> {
  const reserve = globals["gpu-reserve"];
  return planLoad(options, {
    command: ownCommand(PLAN_COMMAND, PLAN_MODULE),
    chooseLayers: globals["gpu-layers"] === null,
    reserve: reserve === null ? null : reserve * 2 ** 20,
    held,
    signal,
  });
}

/** Load options with the offloaded layers and the context of a plan. */
export function withPlan(
  options: LoadOptions,
  { offloadedLayers, shape, notes }: LoadPlan,
): LoadOptions {
  return { ...options, gpuLayers: offloadedLayers, shape, notes };
}

/** The memory that a planned load needs on each device. Devices that do not report their memory have no limit. */
export function estimateOf(plan: LoadPlan, canOffloadLess: boolean): MemoryEstimate {
  const requirements = plan.devices
    .map((device) => ({
      memory: device.kind === "cpu" ? MAIN_MEMORY : device.memory,
      required: plannedBytes(device),
      free: device.memoryTotal === 0 ? Infinity : device.memoryFree - device.memoryReserved,
    }))
    .filter(({ required }) => required > 0);
  return { requirements, canOffloadLess };
}
