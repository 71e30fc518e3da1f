import {
  bufferTypes,
  deviceHandle,
  type Library,
  listDevices,
  Model,
  NativeError,
} from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { explainLoadFailure } from "../diagnosis/mod.ts";
import type { NativeGate } from "../native/mod.ts";
import type { LoadOptions, TensorOverride } from "../protocol/mod.ts";

/** Callbacks of a load. */
export interface LoadObserver {
  readonly onProgress: (fraction: number) => void;
  readonly isCancelled: () => boolean;
  /** Needed to diagnose a failed load. */
  readonly gate: NativeGate;
}

/** Placement of the weights. */
export type WeightOptions = Pick<
  LoadOptions,
  "devices" | "gpuLayers" | "splitMode" | "mainGpu" | "tensorSplit" | "tensorOverrides"
>;

/**
 * Loads the weights of a model file or its shards onto the devices of the options.
 * @throws {ShimmyError} `backend` with the reason; `invalid` for an unknown device; `cancelled`.
 */
export function readWeights(
  library: Library,
  paths: readonly string[],
  options: WeightOptions,
  { onProgress, isCancelled, gate }: LoadObserver,
  noAllocation = false,
): Model {
  const devices = options.devices?.map((name) => {
    const handle = deviceHandle(library, name);
    if (handle !== null) return handle;
    const known = listDevices(library).map((device) => device.name).join(", ");
    throw new ShimmyError("invalid", `Device '${name}' not found; available: ${known}`);
  }) ?? null;
  checkSharing(options, options.devices ?? []);
  const report = throttled(onProgress);
  const requested = {
    paths,
    gpuLayers: options.gpuLayers,
    devices,
    splitMode: options.splitMode,
    mainGpu: options.mainGpu,
    tensorSplit: options.tensorSplit,
    tensorOverrides: overrideBuffers(library, options.tensorOverrides ?? []),
  };
  try {
    return Model.load(library, {
      ...requested,
      noAllocation,
      onProgress: (fraction) => {
        report(fraction);
        return !isCancelled();
      },
    });
  } catch (error) {
    if (isCancelled()) throw new ShimmyError("cancelled", "Loading was cancelled");
    if (error instanceof NativeError) throw explainLoadFailure(gate, library, requested, error);
    throw error;
  }
}

/** @throws {ShimmyError} `invalid` for GPU indices out of range, with the available GPUs. */
function checkSharing({ mainGpu, tensorSplit }: WeightOptions, devices: readonly string[]): void {
  // A load on the CPU alone counts as one device; the options have no effect there.
  const count = Math.max(1, devices.length);
  const available = devices.length === 0
    ? "no GPU is available"
    : `available: ${devices.map((name, index) => `${index} ${name}`).join(", ")}`;
  if (mainGpu !== undefined && mainGpu >= count) {
    throw new ShimmyError(
      "invalid",
      `--main-gpu: ${mainGpu} is not the index of a GPU; ${available}`,
      {
        field: "main-gpu",
      },
    );
  }
  if (tensorSplit !== undefined && tensorSplit.length > count) {
    throw new ShimmyError(
      "invalid",
      `--tensor-split: ${tensorSplit.length} proportions are too many; ${available}`,
      { field: "tensor-split" },
    );
  }
}

/** @throws {ShimmyError} `invalid` for an unknown buffer type, with the available ones. */
function overrideBuffers(library: Library, overrides: readonly TensorOverride[]) {
  const types = bufferTypes(library);
  return overrides.map(({ pattern, buffer }) => {
    const type = types.get(buffer);
    if (type !== undefined) return { pattern, buffer: type };
    const known = [...types.keys()].join(", ");
    throw new ShimmyError(
      "invalid",
      `--override-tensor: buffer '${buffer}' not found; available: ${known}`,
      { field: "override-tensor" },
    );
  });
}

/** Passes on fractions that have increased by at least 0.01. */
function throttled(onProgress: (fraction: number) => void): (fraction: number) => void {
  let last = -1;
  return (fraction) => {
    if (fraction < 1 && fraction - last < 0.01) return;
    last = fraction;
    onProgress(fraction);
  };
}
