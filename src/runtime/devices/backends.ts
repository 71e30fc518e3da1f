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

/** What is known of a backend on this machine. */
export interface BackendReport {
  readonly variant: Variant;
  /** The libraries, where they are on this machine. */
  readonly runtime: Runtime | null;
  /** The backend's devices. */
  readonly devices: readonly DeviceInfo[];
  /** Whether a model can run on it. */
  readonly usable: boolean;
  /** Why not, as a sentence without its full stop; `null` where it is usable. */
  readonly why: string | null;
  /** For an operator's eyes: paths, what the driver printed. */
  readonly detail: string | null;
}

/** {@linkcode FindOptions} but the variant, and how devices are looked for. */
export interface SurveyOptions extends Omit<FindOptions, "variant"> {
  readonly system?: System | undefined;
  /** Asks libraries for their devices. @default {probeDevices} */
  readonly probe?:
    | ((folder: string, options: ProbeOptions) => Promise<DeviceReport>)
    | undefined;
}

/**
 * Looks at every backend: are its libraries and its driver here, does it have devices. Libraries are
 * really loaded, each in a child process. Nothing is fetched unless `allowFetch` says so.
 *
 * @throws {ShimmyError} `cancelled`
 */
export async function surveyBackends(options: SurveyOptions = {}): Promise<BackendReport[]> {
  return await Promise.all(
    VARIANTS.map((variant) =>
      examine(variant, { ...options, allowFetch: options.allowFetch ?? false })
    ),
  );
}

/**
 * Looks at one backend. What costs little is looked at first, so that a machine without its driver
 * neither fetches nor starts anything.
 *
 * @throws {ShimmyError} `cancelled`
 */
export async function examine(variant: Variant, options: SurveyOptions): Promise<BackendReport> {
  const report = (fields: Partial<BackendReport> & { why: string | null }): BackendReport => ({
    variant,
    runtime: null,
    devices: [],
    usable: fields.why === null,
    detail: null,
    ...fields,
  });
  const system = options.system ?? THIS_SYSTEM;
  const folder = options.folder ?? Deno.env.get("SHIMMY_LIBLLAMA");
  if (folder && !backendsIn(folder, system).has(variant)) {
    return report({
      why: `the folder in SHIMMY_LIBLLAMA has no ${VARIANT_LABELS[variant]} backend`,
    });
  }
  let runtime: Runtime | null = null;
  try {
    const driver = missingDriver(variant, system);
    if (driver !== null) return report({ why: driver });
    runtime = await findRuntime({ ...options, variant });
    const probe = options.probe ?? (await import("./probe.ts")).probeDevices;
    const { devices, log } = await probe(runtime.folder, { signal: options.signal });
    const own = devices.filter(({ backend }) => backend === BACKEND_NAMES[variant]);
    return report({
      runtime,
      devices: own,
      why: own.length > 0 ? null : declined(variant, log) ?? withoutDevice(variant),
    });
  } catch (error) {
    if (error instanceof ShimmyError && error.kind === "cancelled") throw error;
    const detail = error instanceof ShimmyError ? error.detail ?? null : null;
    return report({ runtime, why: decapitalize(messageOf(error)), detail });
  }
}

/** What ggml's OpenCL backend logs of a device that it does not take. */
const DECLINED = /ggml_opencl: (?:drop unsupported device|unsupported GPU) '([^']*)'/;

/** That the backend found a device and does not take it. */
function declined(variant: Variant, log: string): string | null {
  const device = variant === "opencl" ? DECLINED.exec(log)?.[1] : undefined;
  if (device === undefined) return null;
  return `no device: llama.cpp declines '${device}', ` +
    "as its OpenCL backend is made for Qualcomm's Adreno and Intel's GPUs";
}

function withoutDevice(variant: Variant): string {
  switch (variant) {
    case "cuda":
      return "no device: CUDA found no NVIDIA GPU, or the driver is too old for it, " +
        "or CUDA's own libraries are not on this machine";
    case "vulkan":
      return "no device: Vulkan found no GPU (a CPU device counts only with GGML_VK_VISIBLE_DEVICES=0)";
    case "opencl":
      return "no device: OpenCL found none that llama.cpp supports";
    case "metal":
      return "no device: Metal found no GPU";
    case "cpu":
      return "no backend for this CPU is among the libraries, or the OpenMP library is missing";
  }
}

/** Reasons stand after a colon. */
function decapitalize(sentence: string): string {
  return /^[A-Z][a-z]/.test(sentence) ? sentence[0]?.toLowerCase() + sentence.slice(1) : sentence;
}
