/** The real command line with a GPU's library, which it finds by itself. */
import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Machine } from "../cli/machine.ts";

export const TINY_F16 = fileURLToPath(new URL("../models/shimmy-tiny-f16.gguf", import.meta.url));
/** Layers of the tiny model, the output being one. */
export const TINY_LAYERS = 5;

/** A backend that is tested on a device. */
export interface Backend {
  readonly name: "vulkan" | "cuda";
  /** What its devices are called, before their number. */
  readonly prefix: string;
  /** What makes it take the device that tests have. */
  readonly env: Readonly<Record<string, string>>;
  /** Installs what it needs, for whoever reads that tests were skipped. */
  readonly install: string;
}

/** Vulkan, on Mesa's CPU device. */
export const VULKAN: Backend = {
  name: "vulkan",
  prefix: "Vulkan",
  // ggml takes a CPU device only when it is named. Fused operations crash inside Mesa 22.3's.
  env: { GGML_VK_VISIBLE_DEVICES: "0", GGML_VK_DISABLE_FUSION: "1" },
  install: "apt-get install libvulkan1 mesa-vulkan-drivers",
};

export interface PlacementJson {
  readonly device: string;
  readonly layers: number;
  readonly weight_bytes: number;
  readonly kv_bytes: number;
  readonly compute_bytes: number;
}

/** A machine whose command line uses a backend. */
export class GpuMachine implements AsyncDisposable {
  private constructor(readonly machine: Machine, readonly backend: Backend) {}

  static async start(backend: Backend): Promise<GpuMachine> {
    return new GpuMachine(await Machine.start(), backend);
  }

  /** The variables of the backend; libraries of the user's own are not in the way. */
  env(changes: Readonly<Record<string, string>> = {}): Record<string, string> {
    return { SHIMMY_LIBLLAMA: "", ...shaderCache(), ...this.backend.env, ...changes };
  }

  run(args: string[], env: Readonly<Record<string, string>> = {}) {
    return this.machine.run(args, { env: this.env(env) });
  }

  /** Runs a command that must succeed and print JSON. */
  // deno-lint-ignore no-explicit-any
  async json(args: string[], env: Readonly<Record<string, string>> = {}): Promise<any> {
    const { code, stdout, stderr } = await this.run([...args, "--json"], env);
    assertEquals(code, 0, stderr);
    return JSON.parse(stdout);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.machine[Symbol.asyncDispose]();
  }
}

/** Why tests of a backend cannot run here, or null. */
export async function missing(backend: Backend): Promise<string | null> {
  await using gpu = await GpuMachine.start(backend);
  const { stdout } = await gpu.run(["gpu-info", "--gpu-backend", backend.name, "--json"]);
  const report = JSON.parse(stdout).backends
    .find((one: { backend: string }) => one.backend === backend.name);
  return report.usable ? null : report.why;
}

/** Mesa compiles its programs once and keeps them, in a folder that outlives a test's home. */
function shaderCache(): Record<string, string> {
  const home = Deno.env.get("XDG_CACHE_HOME") ??
    (Deno.env.get("HOME") && join(Deno.env.get("HOME")!, ".cache"));
  return home ? { MESA_SHADER_CACHE_DIR: home } : {};
}
