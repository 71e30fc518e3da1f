import { join } from "@std/path";
import type { Variant } from "./variant.ts";

/** What the checks read of the machine; tests put a double in its place. */
export interface System {
  readonly os: typeof Deno.build.os;
  env(name: string): string | undefined;
  /** The names in a folder; none where it cannot be read. */
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

/** CUDA's own libraries, as the npm package wants them; drivers do not bring them. */
export const CUDA_RUNTIME = { linux: "libcudart.so.13", windows: "cudart64_13.dll" };

const DRIVERS = {
  cuda: { linux: "libcuda.so.1", windows: "nvcuda.dll", whose: "NVIDIA's driver", packages: null },
  vulkan: {
    linux: "libvulkan.so.1",
    windows: "vulkan-1.dll",
    whose: "the Vulkan loader and a driver for the graphics card",
    packages: "libvulkan1 mesa-vulkan-drivers",
  },
  opencl: {
    linux: "libOpenCL.so.1",
    windows: "OpenCL.dll",
    whose: "the OpenCL loader and a driver for the graphics card",
    packages: "ocl-icd-libopencl1",
  },
} as const;

/** Folders in which drivers put their libraries: Debian's, Red Hat's, WSL's, NixOS's, CUDA's own. */
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

/** Whether the system's loader would likely find a library; decided by looking at names of files. */
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
 * Why it is not worth loading a backend, at the price of looking at some folders: its driver is not
 * here. `null` where it is.
 */
export function missingDriver(variant: Variant, system: System = THIS_SYSTEM): string | null {
  if (variant === "cpu") return null;
  if (variant === "metal") {
    return system.os === "darwin" ? null : "Metal is part of macOS alone";
  }
  const { linux, windows, whose, packages } = DRIVERS[variant];
  if (hasSystemLibrary({ linux, windows }, system)) return null;
  if (system.os === "windows") return `${windows} is not on this machine: install ${whose}`;
  const where = packages === null ? "" : ` (Debian: apt install ${packages})`;
  return `${linux} is not on this machine: install ${whose}${where}`;
}

/** The GPU backends among the files of a folder of the user's, whose names ggml prescribes. */
export function backendsIn(folder: string, system: System = THIS_SYSTEM): ReadonlySet<Variant> {
  const found = new Set<Variant>(["cpu"]);
  // On macOS backends may be linked into the library, where no file tells of them.
  if (system.os === "darwin") found.add("metal");
  for (const name of system.list(folder)) {
    const backend = /^(?:lib)?ggml-(cuda|vulkan|opencl)\b.*\.(?:so|dll|dylib)(?:\.\d+)*$/.exec(
      name,
    );
    if (backend) found.add(backend[1] as Variant);
  }
  return found;
}
