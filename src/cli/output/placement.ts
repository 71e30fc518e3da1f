import type { ModelInfo, Placement } from "../../engine/protocol/mod.ts";
import { bytes } from "./format.ts";

/** Where a model's layers are, in one line: `5 of 5 layers on Vulkan0 (5 MiB of weights, 2 MiB of KV cache)`. */
export function placementLine({ placement, devices, layers }: ModelInfo): string {
  const cpus = new Set(devices.filter(({ kind }) => kind === "cpu").map(({ name }) => name));
  const elsewhere = placement.filter(({ device, layers }) => !cpus.has(device) && layers > 0);
  if (elsewhere.length === 0) return "all layers on the CPU";
  return elsewhere.map((part) =>
    `${part.layers} of ${layers + 1} layers on ${part.device} (${buffers(part).join(", ")})`
  ).join(", ");
}

/** The sizes of a placement that are known. */
export function buffers(
  { weightBytes, ...context }: Pick<Placement, "weightBytes" | "kvBytes" | "computeBytes">,
): string[] {
  return [`${bytes(weightBytes)} of weights`, ...contextBuffers(context)];
}

/** The sizes of a context's buffers that are known. */
export function contextBuffers(
  { kvBytes, computeBytes }: Pick<Placement, "kvBytes" | "computeBytes">,
): string[] {
  return [
    ...(kvBytes === null ? [] : [`${bytes(kvBytes)} of KV cache`]),
    ...(computeBytes === null ? [] : [`${bytes(computeBytes)} to compute in`]),
  ];
}
