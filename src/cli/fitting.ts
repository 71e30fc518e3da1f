import { type LoadPlan, planLoad } from "../engine/plan.ts";
import { PLAN_COMMAND, PLAN_MODULE } from "../engine/plan_messages.ts";
import type { LoadOptions } from "../engine/protocol.ts";
import { ownCommand } from "../own_command.ts";
import type { GlobalValues } from "./global_options.ts";

/** Whether and how a model would fit under the global options. */
export function planUnder(
  globals: GlobalValues,
  options: LoadOptions,
  signal?: AbortSignal,
): Promise<LoadPlan> {
  const reserve = globals["gpu-reserve"];
  return planLoad(options, {
    command: ownCommand(PLAN_COMMAND, PLAN_MODULE),
    chooseLayers: globals["gpu-layers"] === null,
    reserve: reserve === null ? null : reserve * 2 ** 20,
    signal,
  });
}

/** Options that put as many layers on the devices as fit. */
export async function fitted(
  globals: GlobalValues,
  options: LoadOptions,
  signal: AbortSignal,
): Promise<LoadOptions> {
  const { offloadedLayers, contextLength, notes } = await planUnder(globals, options, signal);
  return { ...options, gpuLayers: offloadedLayers, contextLength, notes };
}
