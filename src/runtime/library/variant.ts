import { ShimmyError } from "../../errors.ts";

/** Builds of libllama, in order of preference. */
export const VARIANTS = ["cuda", "metal", "vulkan", "opencl", "cpu"] as const;
export type Variant = (typeof VARIANTS)[number];

/** Values of `--gpu-backend`. */
export type BackendChoice = "auto" | Variant;

const CHOICES: readonly BackendChoice[] = ["auto", "cpu", "cuda", "vulkan", "opencl", "metal"];

/**
 * Parses the value of `--gpu-backend` or `SHIMMY_GPU_BACKEND`.
 *
 * @throws {ShimmyError} `invalid` with the valid names.
 */
export function parseBackendChoice(text: string): BackendChoice {
  const choice = CHOICES.find((name) => name === text.trim().toLowerCase());
  if (choice) return choice;
  throw new ShimmyError(
    "invalid",
    `--gpu-backend: must be one of ${CHOICES.join(", ")}, not '${text}'`,
    { field: "gpu-backend" },
  );
}

/** Operating system and processor, with the names of npm packages. */
export interface Platform {
  readonly os: "linux" | "mac" | "win";
  readonly arch: "x64" | "arm64";
}

/** The platform of this machine. */
export function currentPlatform(): Platform {
  const { os, arch } = Deno.build;
  return {
    os: os === "windows" ? "win" : os === "darwin" ? "mac" : "linux",
    arch: arch === "aarch64" ? "arm64" : "x64",
  };
}

/** Display name of a platform, for example `linux-x64`. */
export function platformName({ os, arch }: Platform): string {
  return `${os}-${arch}`;
}

/** Display names of the variants. */
export const VARIANT_LABELS: Readonly<Record<Variant, string>> = {
  cpu: "CPU",
  cuda: "CUDA",
  vulkan: "Vulkan",
  opencl: "OpenCL",
  metal: "Metal",
};

/** Name of a variant's backend in ggml, which its devices report. */
export const BACKEND_NAMES: Readonly<Record<Variant, string>> = {
  cpu: "CPU",
  cuda: "CUDA",
  vulkan: "Vulkan",
  opencl: "OpenCL",
  metal: "MTL",
};
