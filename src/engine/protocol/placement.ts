/**
 * How several devices share a model: one holds all, each holds layers, rows of matrices, or a part of
 * every matrix with which all of them compute at once.
 */
export const SPLIT_MODES = ["none", "layer", "row", "tensor"] as const;
export type SplitMode = (typeof SPLIT_MODES)[number];

/** Tensors whose names match `pattern` (a regular expression) are placed in the buffer type of that name. */
export interface TensorOverride {
  readonly pattern: string;
  readonly buffer: string;
}

/** What of a model lies on a device. Bytes; null where that is not known. */
export interface Placement {
  readonly device: string;
  /** Layers, the output being one. */
  readonly layers: number;
  readonly weightBytes: number;
  readonly kvBytes: number | null;
  /** Buffers for what is computed. */
  readonly computeBytes: number | null;
}

/** Bytes of a model on devices with memory of their own, by the devices' names, as libllama told them. */
export function deviceBytes(
  { devices, placement }: {
    readonly devices: readonly DeviceInfo[];
    readonly placement: readonly Placement[];
  },
): Map<string, number> {
  const own = new Set(devices.filter(({ kind }) => kind !== "cpu").map(({ name }) => name));
  return new Map(
    placement.filter(({ device }) => own.has(device)).map((
      part,
    ) => [part.device, knownBytes(part)]),
  );
}

/** Bytes of memory a loaded model takes in all, as far as libllama told them; else those of its tensors. */
export function loadedBytes(
  { size, placement }: { readonly size: number; readonly placement: readonly Placement[] },
): number {
  if (placement.length === 0) return size;
  return placement.reduce((sum, part) => sum + knownBytes(part), 0);
}

function knownBytes({ weightBytes, kvBytes, computeBytes }: Placement): number {
  return weightBytes + (kvBytes ?? 0) + (computeBytes ?? 0);
}

/** A ggml device. Memory is in bytes. */
export interface DeviceInfo {
  readonly name: string;
  readonly description: string;
  readonly kind: "cpu" | "gpu" | "igpu" | "accel";
  readonly backend: string;
  readonly memoryFree: number;
  readonly memoryTotal: number;
}
