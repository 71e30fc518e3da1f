import type { ModelInfo, Placement } from "../../engine/protocol/mod.ts";
import { bytes } from "./format.ts";

/** The placement of a model's layers in one line: `5 of 5 layers on Vulkan0 (5 MiB of weights, 2 MiB of KV cache)`. */
export function placementLine({ placement, devices, layers }: ModelInfo): string {
  const cpus = new Set(devices.filter(({ kind }) => kind === "cpu").map(({ name }) => name));
  const offloaded = placement.filter(({ device, layers }) => !cpus.has(device) && layers > 0);
  if (offloaded.length === 0) return "all layers on the CPU";
  return offloaded.map((part) =>
    `${part.layers} of ${layers + 1} layers on ${part.device} (${buffers(part).join(", ")})`
  ).join(", ");
}

/** The known buffer sizes of a placement. */
export function buffers(
  { weightBytes, ...context }: Pick<Placement, "weightBytes" | "kvBytes" | "computeBytes">,
): string[] {
  return [`${bytes(weightBytes)} of weights`, ...contextBuffers(context)];
}

/** The known buffer sizes of a context. */
export function contextBuffers(
  { kvBytes, computeBytes }: Pick<Placement, "kvBytes" | "computeBytes">,
): string[] {
  return [
    ...(kvBytes === null ? [] : [`${bytes(kvBytes)} of KV cache`]),
    ...(computeBytes === null ? [] : [`${bytes(computeBytes)} of compute buffers`]),
  ];
}
