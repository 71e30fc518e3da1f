import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  backendsIn,
  CUDA_RUNTIME,
  hasGraphicsCard,
  hasSystemLibrary,
  lacksGraphicsCard,
  missingDriver,
  type System,
} from "./system.ts";
import { systemWith } from "../testing.ts";

Deno.test("a driver is detected by its library's file", () => {
  assertEquals(missingDriver("cuda", systemWith("libcuda.so.1")), null);
  assertEquals(missingDriver("vulkan", systemWith("libvulkan.so.1")), null);
  assertEquals(missingDriver("opencl", systemWith("libOpenCL.so.1")), null);
  assertEquals(missingDriver("cpu", systemWith()), null);
});

Deno.test("a missing driver is reported with the package to install", () => {
  const reason = missingDriver("cuda", systemWith("libvulkan.so.1"));
  assertEquals(reason, "libcuda.so.1 not found: install NVIDIA's driver");
  assertStringIncludes(missingDriver("metal", systemWith()) ?? "", "macOS only");
  assertEquals(missingDriver("metal", { ...systemWith(), os: "darwin" }), null);
});

Deno.test("the loader's search path counts", () => {
  const system: System = {
    os: "linux",
    env: (name) => name === "LD_LIBRARY_PATH" ? "/nowhere:/opt/cuda-13" : undefined,
    list: (folder) => folder === "/opt/cuda-13" ? ["libcudart.so.13"] : [],
  };
  assertEquals(hasSystemLibrary(CUDA_RUNTIME, system), true);
  assertEquals(hasSystemLibrary(CUDA_RUNTIME, systemWith("libcudart.so.12")), false);
});

Deno.test("Windows uses its own search path", () => {
  const system: System = {
    os: "windows",
    env: (name) => ({ SystemRoot: "C:\\W", PATH: "C:\\cuda\\bin;" })[name],
    list: (folder) =>
      folder.includes("System32")
        ? ["NVCUDA.DLL"]
        : folder === "C:\\cuda\\bin"
        ? ["cudart64_13.dll"]
        : [],
  };
  assertEquals(missingDriver("cuda", system), null);
  assertStringIncludes(
    missingDriver("vulkan", system) ?? "",
    "vulkan-1.dll not found",
  );
  assertEquals(hasSystemLibrary(CUDA_RUNTIME, system), true);
});

Deno.test("a folder's backends are detected by ggml's file names", () => {
  const folder = (os: System["os"], ...names: string[]) => [
    ...backendsIn("own", { os, env: () => undefined, list: () => names }),
  ];
  assertEquals(folder("linux", "libllama.so", "libggml-cpu-haswell.so"), ["cpu"]);
  assertEquals(folder("linux", "libggml-vulkan.so", "libggml-cuda.so.0"), [
    "cpu",
    "vulkan",
    "cuda",
  ]);
  assertEquals(folder("windows", "ggml-opencl.dll"), ["cpu", "opencl"]);
  assertEquals(folder("darwin", "libggml.dylib"), ["cpu", "metal"]);
  assertEquals(folder("linux", "libggml-cudart-notes.txt"), ["cpu"]);
});

Deno.test("a graphics card shows itself by its driver's device files, or by a choice by hand", () => {
  const machine = (files: Record<string, readonly string[]>, env: Record<string, string> = {}) => ({
    os: "linux" as const,
    env: (name: string) => env[name],
    list: (folder: string) => files[folder] ?? [],
  });
  assertEquals(
    hasGraphicsCard(machine({ "/dev": ["null", "nvidiactl"], "/dev/dri": ["card0"] })),
    false,
  );
  assertEquals(hasGraphicsCard(machine({ "/dev/dri": ["card0", "renderD128"] })), true);
  assertEquals(hasGraphicsCard(machine({ "/dev": ["nvidia0"] })), true);
  assertEquals(hasGraphicsCard(machine({ "/dev": ["dxg"] })), true);
  assertEquals(hasGraphicsCard(machine({}, { GGML_VK_VISIBLE_DEVICES: "0" })), true);
  assertEquals(hasGraphicsCard({ ...machine({}), os: "windows" }), true);
  for (const name of ["nvhost-gpu", "kgsl-3d0", "mali0", "kfd"]) {
    assertEquals(hasGraphicsCard(machine({ "/dev": ["null", name] })), true, name);
  }
  assertEquals(lacksGraphicsCard(machine({ "/dev": ["null", "nvidiactl"] })), true);
  assertEquals(lacksGraphicsCard(machine({ "/dev": ["null", "nvidia0"] })), false);
  // A program that may not read /dev knows nothing.
  assertEquals(lacksGraphicsCard(machine({})), false);
  assertEquals(lacksGraphicsCard({ ...machine({ "/dev": ["null"] }), os: "darwin" }), false);
});
