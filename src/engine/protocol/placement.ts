/**
 * Split modes over several devices: one device holds everything (`none`), each device holds whole
 * layers (`layer`), rows of matrices (`row`), or a part of every matrix, computed in parallel
 * (`tensor`).
 */
export const SPLIT_MODES = ["none", "layer", "row", "tensor"] as const;
export type SplitMode = (typeof SPLIT_MODES)[number];

/**
 * Places tensors whose names match `pattern` (a regular expression) in the buffer type `buffer`.
 */
export interface TensorOverride {
  readonly pattern: string;
  readonly buffer: string;
}

/** Memory of a model on one device, in bytes; null if unknown. */
export interface Placement {
  readonly device: string;
  /** Number of layers. The output layer counts as one layer. */
  readonly layers: number;
  readonly weightBytes: number;
  readonly kvBytes: number | null;
  /** Compute buffers. */
  readonly computeBytes: number | null;
}

/**
 * Memory of a model on devices other than the CPU, in bytes by device name, as reported by
 * libllama.
 */
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

/**
 * Total memory of a loaded model in bytes, as reported by libllama; else the size of its tensors.
 */
export function loadedBytes(
  { size, placement }: { readonly size: number; readonly placement: readonly Placement[] },
): number {
  if (placement.length === 0) return size;
  return placement.reduce((sum, part) => sum + knownBytes(part), 0);
}

function knownBytes({ weightBytes, kvBytes, computeBytes }: Placement): number {
  return weightBytes + (kvBytes ?? 0) + (computeBytes ?? 0);
}

/** A ggml device. Memory in bytes. */
export interface DeviceInfo {
  readonly name: string;
  readonly description: string;
  readonly kind: "cpu" | "gpu" | "igpu" | "accel";
  readonly backend: string;
  readonly memoryFree: number;
  readonly memoryTotal: number;
}
