import { ShimmyError } from "../../errors.ts";

/** The builds of libllama that Shimmy knows, best first where a machine has devices for several. */
export const VARIANTS = ["cuda", "metal", "vulkan", "opencl", "cpu"] as const;
export type Variant = (typeof VARIANTS)[number];

/** What `--gpu-backend` takes. */
export type BackendChoice = "auto" | Variant;

const CHOICES: readonly BackendChoice[] = ["auto", "cpu", "cuda", "vulkan", "opencl", "metal"];

/**
 * Reads the value of `--gpu-backend` or `SHIMMY_GPU_BACKEND`.
 *
 * @throws {ShimmyError} `invalid`, with the valid names
 */
export function parseBackendChoice(text: string): BackendChoice {
  const choice = CHOICES.find((name) => name === text.trim().toLowerCase());
  if (choice) return choice;
  throw new ShimmyError(
    "invalid",
    `--gpu-backend: '${text}' is not a backend; valid are ${CHOICES.join(", ")}`,
    { field: "gpu-backend" },
  );
}

/** The operating system and processor, under the names npm packages use. */
export interface Platform {
  readonly os: "linux" | "mac" | "win";
  readonly arch: "x64" | "arm64";
}

/** The machine this runs on. */
export function currentPlatform(): Platform {
  const { os, arch } = Deno.build;
  return {
    os: os === "windows" ? "win" : os === "darwin" ? "mac" : "linux",
    arch: arch === "aarch64" ? "arm64" : "x64",
  };
}

/** A platform as people read it, e.g. `linux-x64`. */
export function platformName({ os, arch }: Platform): string {
  return `${os}-${arch}`;
}

/** How people write the name of a variant. */
export const VARIANT_LABELS: Readonly<Record<Variant, string>> = {
  cpu: "CPU",
  cuda: "CUDA",
  vulkan: "Vulkan",
  opencl: "OpenCL",
  metal: "Metal",
};

/** The name under which ggml registers a variant's backend, which its devices report. */
export const BACKEND_NAMES: Readonly<Record<Variant, string>> = {
  cpu: "CPU",
  cuda: "CUDA",
  vulkan: "Vulkan",
  opencl: "OpenCL",
  metal: "MTL",
};
