import { join } from "node:path";
import type { Variant } from "./variant.ts";

/** The system state that the checks read. Tests pass a double. */
export interface System {
  readonly os: typeof Deno.build.os;
  env(name: string): string | undefined;
  /** Names in a folder. Empty if the folder cannot be read. */
  list(folder: string): readonly string[];
}

/** This machine. */
export const THIS_SYSTEM: System = {
  os: Deno.build.os,
  env: (name) => Deno.env.get(name),
  list: (folder) => {
    try {
      return [...Deno.readDirSync(folder)].map((entry) => entry.name);
    } catch {
      return [];
    }
  },
};

/** CUDA's own libraries, which the npm package needs and drivers do not include. */
export const CUDA_RUNTIME = { linux: "libcudart.so.13", windows: "cudart64_13.dll" };

const DRIVERS = {
  cuda: {
    linux: "libcuda.so.1",
    windows: "nvcuda.dll",
    provider: "NVIDIA's driver",
    packages: null,
  },
  vulkan: {
    linux: "libvulkan.so.1",
    windows: "vulkan-1.dll",
    provider: "the Vulkan loader and a driver for the graphics card",
    packages: "libvulkan1 mesa-vulkan-drivers",
  },
  opencl: {
    linux: "libOpenCL.so.1",
    windows: "OpenCL.dll",
    provider: "the OpenCL loader and a driver for the graphics card",
    packages: "ocl-icd-libopencl1",
  },
} as const;

/** Library folders of drivers: Debian, Red Hat, WSL, NixOS, CUDA. */
const LINUX_FOLDERS = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib/aarch64-linux-gnu",
  "/usr/lib64",
  "/usr/lib",
  "/lib64",
  "/usr/local/lib",
  "/usr/lib/wsl/lib",
  "/run/opengl-driver/lib",
  "/usr/local/nvidia/lib64",
  "/usr/local/cuda/lib64",
  "/opt/cuda/lib64",
  "/usr/lib/x86_64-linux-gnu/nvidia/current",
];

/** True if the system's loader will probably find a library. Only file names are checked. */
export function hasSystemLibrary(
  names: { readonly linux: string; readonly windows: string },
  system: System = THIS_SYSTEM,
): boolean {
  const { os, env } = system;
  if (os === "darwin") return false;
  if (os === "windows") {
    const folders = [join(env("SystemRoot") ?? "C:\\Windows", "System32")];
    folders.push(...(env("PATH") ?? "").split(";").filter(Boolean));
    const wanted = names.windows.toLowerCase();
    return folders.some((folder) =>
      system.list(folder).some((name) => name.toLowerCase() === wanted)
    );
  }
  const folders = [...(env("LD_LIBRARY_PATH") ?? "").split(":").filter(Boolean), ...LINUX_FOLDERS];
  return folders.some((folder) => system.list(folder).includes(names.linux));
}

/**
 * Why a backend cannot load on this machine: its driver is missing. `null` if the driver is
 * present. The check only lists some folders.
 */
export function missingDriver(variant: Variant, system: System = THIS_SYSTEM): string | null {
  if (variant === "cpu") return null;
  if (variant === "metal") {
    return system.os === "darwin" ? null : "Metal is available on macOS only";
  }
  const { linux, windows, provider, packages } = DRIVERS[variant];
  if (hasSystemLibrary({ linux, windows }, system)) return null;
  if (system.os === "windows") return `${windows} not found: install ${provider}`;
  const where = packages === null ? "" : ` (Debian: apt install ${packages})`;
  return `${linux} not found: install ${provider}${where}`;
}

/**
 * Device files of graphics cards outside of /dev/dri: NVIDIA's, also on Jetson, AMD's, those of Windows under WSL,
 * Adreno's, Mali's.
 */
const CARD_FILE = /^(?:nvidia\d+|nvhost-gpu|nvgpu|nvmap|kfd|dxg|kgsl-3d0|mali\d+)$/;

/**
 * True if the machine probably has a graphics card, from the device files of its driver. Only Linux
 * shows this without a load of the driver, and its Vulkan loader is often installed without a card.
 */
export function hasGraphicsCard(system: System = THIS_SYSTEM): boolean {
  if (system.os !== "linux") return true;
  // A device that the user selects may be one that computes on the CPU.
  if (system.env("GGML_VK_VISIBLE_DEVICES")) return true;
  return system.list("/dev").some((name) => CARD_FILE.test(name)) ||
    system.list("/dev/dri").some((name) => name.startsWith("renderD"));
}

/**
 * True if the machine certainly has no graphics card: its device files can be listed, and none is that of a card.
 * No driver can then find one.
 */
export function lacksGraphicsCard(system: System = THIS_SYSTEM): boolean {
  return system.os === "linux" && system.list("/dev").length > 0 && !hasGraphicsCard(system);
}

/** Backends in the user's folder, from the file names that ggml prescribes. */
export function backendsIn(folder: string, system: System = THIS_SYSTEM): ReadonlySet<Variant> {
  const found = new Set<Variant>(["cpu"]);
  // On macOS, backends may be linked into the library without a file of their own.
  if (system.os === "darwin") found.add("metal");
  for (const name of system.list(folder)) {
    const backend = /^(?:lib)?ggml-(cuda|vulkan|opencl)\b.*\.(?:so|dll|dylib)(?:\.\d+)*$/.exec(
      name,
    );
    if (backend) found.add(backend[1] as Variant);
  }
  return found;
}
