import { deviceHandle, type Library, listDevices, Model, NativeError } from "../../ffi/mod.ts";
import { ShimmyError } from "../errors.ts";
import { explainLoadFailure } from "./explain.ts";
import type { NativeGate } from "./gate.ts";
import type { LoadOptions } from "./protocol.ts";

/** Who watches a load. */
export interface LoadWatcher {
  readonly onProgress: (fraction: number) => void;
  readonly isCancelled: () => boolean;
  /** For finding out why a load failed. */
  readonly gate: NativeGate;
}

/**
 * Reads a model's file or shards, onto the devices the options name.
 * @throws {ShimmyError} `backend` with the reason as a sentence; `invalid` for an unknown device;
 * `cancelled`.
 */
export function readWeights(
  library: Library,
  paths: readonly string[],
  options: Pick<LoadOptions, "devices" | "gpuLayers">,
  { onProgress, isCancelled, gate }: LoadWatcher,
): Model {
  const devices = options.devices?.map((name) => {
    const handle = deviceHandle(library, name);
    if (handle !== null) return handle;
    const known = listDevices(library).map((device) => device.name).join(", ");
    throw new ShimmyError("invalid", `No device is named '${name}'; there are: ${known}`);
  }) ?? null;
  const report = throttled(onProgress);
  try {
    return Model.load(library, {
      paths,
      gpuLayers: options.gpuLayers,
      devices,
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

/** Passes a fraction on when it has moved by a hundredth. */
function throttled(onProgress: (fraction: number) => void): (fraction: number) => void {
  let last = -1;
  return (fraction) => {
    if (fraction < 1 && fraction - last < 0.01) return;
    last = fraction;
    onProgress(fraction);
  };
}
