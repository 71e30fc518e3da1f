import type { DeviceInfo } from "../../engine/protocol/mod.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import {
  BACKEND_NAMES,
  backendsIn,
  type FindOptions,
  findRuntime,
  missingDriver,
  type Runtime,
  type System,
  THIS_SYSTEM,
  type Variant,
  VARIANT_LABELS,
  VARIANTS,
} from "../library/mod.ts";
import type { DeviceReport, ProbeOptions } from "./probe.ts";

/** State of a backend on this machine. */
export interface BackendReport {
  readonly variant: Variant;
  /** The libraries, if they are on this machine. */
  readonly runtime: Runtime | null;
  /** Devices of the backend. */
  readonly devices: readonly DeviceInfo[];
  /** True if a model can run on the backend. */
  readonly usable: boolean;
  /** Why the backend is unusable, as a sentence without its full stop; `null` if it is usable. */
  readonly reason: string | null;
  /** Details for the operator: paths, output of the driver. */
  readonly detail: string | null;
}

/** {@linkcode FindOptions} without the variant, and how devices are probed. */
export interface DetectOptions extends Omit<FindOptions, "variant"> {
  readonly system?: System | undefined;
  /**
   * Lists the devices of the libraries in a folder.
   * @default {probeDevices}
   */
  readonly probe?:
    | ((folder: string, options: ProbeOptions) => Promise<DeviceReport>)
    | undefined;
}

/**
 * Checks every backend: libraries, driver and devices. Libraries are really loaded, each in a child
 * process. Nothing is downloaded unless `allowFetch` is set.
 *
 * @throws {ShimmyError} `cancelled`
 */
export async function detectBackends(options: DetectOptions = {}): Promise<BackendReport[]> {
  return await Promise.all(
    VARIANTS.map((variant) =>
      detectBackend(variant, { ...options, allowFetch: options.allowFetch ?? false })
    ),
  );
}

/**
 * Checks one backend. Cheap checks come first, so that a machine without the driver neither
 * downloads libraries nor starts a process.
 *
 * @throws {ShimmyError} `cancelled`
 */
export async function detectBackend(
  variant: Variant,
  options: DetectOptions,
): Promise<BackendReport> {
  const report = (fields: Partial<BackendReport> & { reason: string | null }): BackendReport => ({
    variant,
    runtime: null,
    devices: [],
    usable: fields.reason === null,
    detail: null,
    ...fields,
  });
  const system = options.system ?? THIS_SYSTEM;
  const folder = options.folder ?? Deno.env.get("SHIMMY_LIBLLAMA");
  if (folder && !backendsIn(folder, system).has(variant)) {
    return report({
      reason: `the folder in SHIMMY_LIBLLAMA has no ${VARIANT_LABELS[variant]} backend`,
    });
  }
  let runtime: Runtime | null = null;
  try {
    const driver = missingDriver(variant, system);
    if (driver !== null) return report({ reason: driver });
    runtime = await findRuntime({ ...options, variant });
    const probe = options.probe ?? (await import("./probe.ts")).probeDevices;
    const { devices, log } = await probe(runtime.folder, { signal: options.signal });
    const own = devices.filter(({ backend }) => backend === BACKEND_NAMES[variant]);
    return report({
      runtime,
      devices: own,
      reason: own.length > 0 ? null : rejectedDevice(variant, log) ?? noDevice(variant),
    });
  } catch (error) {
    if (error instanceof ShimmyError && error.kind === "cancelled") throw error;
    const detail = error instanceof ShimmyError ? error.detail ?? null : null;
    return report({ runtime, reason: decapitalize(messageOf(error)), detail });
  }
}

/** Log line of ggml's OpenCL backend for a device that it does not support. */
const REJECTED = /ggml_opencl: (?:drop unsupported device|unsupported GPU) '([^']*)'/;

/** Reason why the backend rejects a device that it found, or null. */
function rejectedDevice(variant: Variant, log: string): string | null {
  const device = variant === "opencl" ? REJECTED.exec(log)?.[1] : undefined;
  if (device === undefined) return null;
  return `no device: llama.cpp does not support '${device}'; ` +
    "its OpenCL backend supports Qualcomm Adreno and Intel GPUs";
}

function noDevice(variant: Variant): string {
  switch (variant) {
    case "cuda":
      return "no device: CUDA found no NVIDIA GPU, or the driver is too old, " +
        "or CUDA's own libraries are missing";
    case "vulkan":
      return "no device: Vulkan found no GPU (a CPU device counts only with GGML_VK_VISIBLE_DEVICES=0)";
    case "opencl":
      return "no device: OpenCL found none that llama.cpp supports";
    case "metal":
      return "no device: Metal found no GPU";
    case "cpu":
      return "the libraries have no backend for this CPU, or the OpenMP library is missing";
  }
}

/** Reasons follow a colon. */
function decapitalize(sentence: string): string {
  return /^[A-Z][a-z]/.test(sentence) ? sentence[0]?.toLowerCase() + sentence.slice(1) : sentence;
}
