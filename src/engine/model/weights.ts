import {
  bufferTypes,
  deviceHandle,
  type Library,
  listDevices,
  Model,
  NativeError,
} from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { explainLoadFailure, type NativeGate } from "../native/mod.ts";
import type { LoadOptions, TensorOverride } from "../protocol/mod.ts";

/** Who watches a load. */
export interface LoadObserver {
  readonly onProgress: (fraction: number) => void;
  readonly isCancelled: () => boolean;
  /** For finding out why a load failed. */
  readonly gate: NativeGate;
}

/** Where the weights go. */
export type WeightOptions = Pick<
  LoadOptions,
  "devices" | "gpuLayers" | "splitMode" | "mainGpu" | "tensorSplit" | "tensorOverrides"
>;

/**
 * Reads a model's file or shards, onto the devices the options name.
 * @throws {ShimmyError} `backend` with the reason as a sentence; `invalid` for an unknown device;
 * `cancelled`.
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
    throw new ShimmyError("invalid", `No device is named '${name}'; there are: ${known}`);
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

/** @throws {ShimmyError} `invalid` for devices that are not there, with the names of those that are. */
function checkSharing({ mainGpu, tensorSplit }: WeightOptions, devices: readonly string[]): void {
  // The CPU alone counts as one: what it may share with others says nothing then.
  const count = Math.max(1, devices.length);
  const there = devices.length === 0
    ? "there is no GPU"
    : `there are: ${devices.map((name, index) => `${index} ${name}`).join(", ")}`;
  if (mainGpu !== undefined && mainGpu >= count) {
    throw new ShimmyError("invalid", `--main-gpu: no GPU has the number ${mainGpu}; ${there}`, {
      field: "main-gpu",
    });
  }
  if (tensorSplit !== undefined && tensorSplit.length > count) {
    throw new ShimmyError(
      "invalid",
      `--tensor-split: ${tensorSplit.length} proportions are too many; ${there}`,
      { field: "tensor-split" },
    );
  }
}

/** @throws {ShimmyError} `invalid` for a buffer that there is none of, with the names of those there are. */
function overrideBuffers(library: Library, overrides: readonly TensorOverride[]) {
  const types = bufferTypes(library);
  return overrides.map(({ pattern, buffer }) => {
    const type = types.get(buffer);
    if (type !== undefined) return { pattern, buffer: type };
    const known = [...types.keys()].join(", ");
    throw new ShimmyError(
      "invalid",
      `--override-tensor: no buffer is named '${buffer}'; there are: ${known}`,
      { field: "override-tensor" },
    );
  });
}

/** Passes a fraction on when it has moved by a hundredth. */
function throttled(onProgress: (fraction: number) => void): (fraction: number) => void {
  let last = -1;
  return (fraction) => {
    if (fraction < 1 && fraction - last < 0.01) return;
    last = fraction;
    onProgress(fraction);
  };
}
