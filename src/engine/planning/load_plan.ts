import type { MeasuredPlacement } from "../model/mod.ts";
import type { ContextShape, DeviceInfo, MemoryKind } from "../protocol/mod.ts";

/** Planned memory of a device and its free memory, in bytes. */
export interface PlannedDevice extends MeasuredPlacement {
  /** Name of the device's memory; see `memoryNames`. */
  readonly memory: string;
  readonly kind: DeviceInfo["kind"];
  readonly memoryFree: number;
  readonly memoryTotal: number;
  /** Bytes of the free memory to leave free. */
  readonly memoryReserved: number;
  /** Maximum bytes of saved states of finished sequences, in addition to the rest. */
  readonly cacheBytes: number;
}

/** Result of planning a load, without allocating weights. */
export interface LoadPlan {
  /** Whether every device has enough free memory, with its reserve. */
  readonly fits: boolean;
  /** Number of layers. The output layer counts as one layer. */
  readonly layers: number;
  /** Layers offloaded from the CPU. */
  readonly offloadedLayers: number;
  /** Maximum tokens of one sequence. */
  readonly contextLength: number;
  readonly parallel: number;
  readonly shape: ContextShape;
  /** What the model keeps of a sequence; null for a model that does not generate. */
  readonly memory: MemoryKind | null;
  /** KV cache of both ways to keep layers with a sliding window, in bytes; null without such layers. */
  readonly slidingBytes: { readonly full: number; readonly window: number } | null;
  readonly devices: readonly PlannedDevice[];
  /** Size of all experts in bytes; 0 for a dense model. */
  readonly expertBytes: number;
  /** Bytes that tensor overrides move from devices to the CPU. */
  readonly savedBytes: number;
  /** Limits, one sentence each. */
  readonly notes: readonly string[];
}

/** Memory of a model on a device right after the load, in bytes. */
export function plannedBytes(device: PlannedDevice): number {
  return device.weightBytes + device.kvBytes + device.computeBytes;
}

/**
 * Whether a device has enough free memory. A device with nothing to hold, or with unknown memory,
 * has enough.
 */
export function hasRoom(device: PlannedDevice): boolean {
  const needed = plannedBytes(device) + device.cacheBytes;
  return needed === 0 || device.memoryTotal === 0 ||
    needed <= device.memoryFree - device.memoryReserved;
}

/** Bytes that a device lacks. */
export function excessBytes(device: PlannedDevice): number {
  if (device.kind === "cpu" || hasRoom(device)) return 0;
  return plannedBytes(device) - (device.memoryFree - device.memoryReserved);
}
