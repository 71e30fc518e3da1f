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

/** An RPC worker whose devices a model uses. */
export interface RpcWorker {
  /** The worker as the operator named it, for messages. */
  readonly endpoint: string;
  /** `IPv4:PORT` that ggml connects to. */
  readonly address: string;
  /** Number of its devices. */
  readonly devices: number;
}

/**
 * The names of the buffers of RPC devices, with the device of each. A buffer has the number of the device at its
 * worker (`RPC0[127.0.0.1:50052]`), and a device has its number among those of all workers (`RPC1`).
 */
export function rpcBuffers(workers: readonly RpcWorker[]): ReadonlyMap<string, string> {
  const buffers = workers.flatMap(({ address, devices }) =>
    Array.from({ length: devices }, (_, index) => `RPC${index}[${address}]`)
  );
  return new Map(buffers.map((buffer, number) => [buffer, `RPC${number}`]));
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
 * Names of the memories of devices, by device name. The memory of a device has the name of the device, except
 * that of an RPC device: two models with other workers may have the same worker as another device.
 */
export function memoryNames(devices: readonly DeviceInfo[]): ReadonlyMap<string, string> {
  const counts = new Map<string, number>();
  return new Map(devices.map(({ name, backend, description }) => {
    if (backend !== RPC) return [name, name];
    const index = counts.get(description) ?? 0;
    counts.set(description, index + 1);
    return [name, `device ${index} of ${description}`];
  }));
}

/** The backend of devices of RPC workers. The description of such a device is the address of its worker. */
const RPC = "RPC";

/**
 * Memory of a model on devices other than the CPU, in bytes by the names of their memories, as reported by
 * libllama.
 */
export function deviceBytes(
  { devices, placement }: {
    readonly devices: readonly DeviceInfo[];
    readonly placement: readonly Placement[];
  },
): Map<string, number> {
  const own = new Set(devices.filter(({ kind }) => kind !== "cpu").map(({ name }) => name));
  const memories = memoryNames(devices);
  return new Map(
    placement.filter(({ device }) => own.has(device))
      .map((part) => [memories.get(part.device)!, knownBytes(part)]),
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
