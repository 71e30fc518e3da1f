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

/** Whether and how a model would fit under the global options. */
export function planUnder(
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

/** Options that load a model as it was planned: with as many layers on the devices as fit. */
export function fitted(
  options: LoadOptions,
  { offloadedLayers, contextLength, notes }: LoadPlan,
): LoadOptions {
  return { ...options, gpuLayers: offloadedLayers, contextLength, notes };
}

/** What a planned load takes, and what may be taken there. A device that does not tell its memory is left out. */
export function estimateOf(plan: LoadPlan, canOffloadLess: boolean): MemoryEstimate {
  const requirements = plan.devices
    .map((device) => ({
      memory: device.kind === "cpu" ? MAIN_MEMORY : device.device,
      required: plannedBytes(device),
      free: device.memoryTotal === 0 ? Infinity : device.memoryFree - device.memoryReserved,
    }))
    .filter(({ required }) => required > 0);
  return { requirements, canOffloadLess };
}
