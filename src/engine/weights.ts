import {
  bufferTypes,
  deviceHandle,
  type Library,
  listDevices,
  Model,
  NativeError,
} from "../../ffi/mod.ts";
import { ShimmyError } from "../errors.ts";
import { explainLoadFailure } from "./explain.ts";
import type { NativeGate } from "./gate.ts";
import type { LoadOptions, TensorOverride } from "./protocol.ts";

/** Who watches a load. */
export interface LoadWatcher {
  readonly onProgress: (fraction: number) => void;
  readonly isCancelled: () => boolean;
  /** For finding out why a load failed. */
  readonly gate: NativeGate;
}

/** Where the weights go. */
export type WeightOptions = Pick<
  LoadOptions,
  "devices" | "gpuLayers" | "splitMode" | "mainGpu" | "tensorOverrides"
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
  { onProgress, isCancelled, gate }: LoadWatcher,
  noAllocation = false,
): Model {
  const devices = options.devices?.map((name) => {
    const handle = deviceHandle(library, name);
    if (handle !== null) return handle;
    const known = listDevices(library).map((device) => device.name).join(", ");
    throw new ShimmyError("invalid", `No device is named '${name}'; there are: ${known}`);
  }) ?? null;
  const { mainGpu } = options;
  if (mainGpu !== undefined && devices !== null && mainGpu >= Math.max(1, devices.length)) {
    throw new ShimmyError("invalid", `--main-gpu: ${mainGpu} is none of ${devices.length} devices`);
  }
  const report = throttled(onProgress);
  try {
    return Model.load(library, {
      paths,
      gpuLayers: options.gpuLayers,
      devices,
      splitMode: options.splitMode,
      mainGpu,
      tensorOverrides: overrideBuffers(library, options.tensorOverrides ?? []),
      noAllocation,
      onProgress: (fraction) => {
        report(fraction);
        return !isCancelled();
      },
    });
  } catch (error) {
    if (isCancelled()) throw new ShimmyError("cancelled", "Loading was cancelled");
    if (error instanceof NativeError) throw explainLoadFailure(gate, library, paths, error);
    throw error;
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
