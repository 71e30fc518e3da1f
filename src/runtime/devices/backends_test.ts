import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { DeviceInfo } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { cacheFolder } from "../library/cache.ts";
import { describeFolder, installFolder, MANIFEST } from "../library/install.ts";
import { chooseVariant, selectRuntime } from "./select.ts";
import { type BackendReport, detectBackends, type DetectOptions } from "./backends.ts";
import { THIS_SYSTEM } from "../library/system.ts";
import {
  assetOf,
  libraryArchive,
  serve,
  systemWith,
  type TemporaryFolder,
  temporaryFolder,
  writeLibraries,
} from "../testing.ts";
import { BACKEND_NAMES, type Variant } from "../library/variant.ts";

const PLATFORM = { os: "linux", arch: "x64" } as const;

function device(variant: Variant, kind: DeviceInfo["kind"], name: string): DeviceInfo {
  const backend = BACKEND_NAMES[variant];
  return { name, description: "", kind, backend, memoryFree: 1e9, memoryTotal: 2e9 };
}

async function install(cache: TemporaryFolder, ...variants: Variant[]): Promise<void> {
  for (const variant of variants) {
    const folder = cacheFolder(cache.path, PLATFORM, variant);
    await installFolder(folder, (temporary) => Promise.resolve(writeLibraries(temporary)));
  }
}

interface Machine {
  readonly options: DetectOptions;
  /** The variants whose libraries were loaded. */
  readonly probed: string[];
}

/** A machine with drivers, cached libraries and devices. */
function machine(
  cache: TemporaryFolder,
  drivers: readonly string[],
  devices: Partial<Record<Variant, readonly DeviceInfo[] | Error>>,
): Machine {
  const probed: string[] = [];
  const options: DetectOptions = {
    folder: "",
    cacheDir: cache.path,
    platform: PLATFORM,
    embedded: null,
    standalone: true,
    allowFetch: false,
    system: systemWith(...drivers),
    probe: (folder) => {
      const variant = folder.split("-").at(-1) as Variant;
      probed.push(variant);
      const found = devices[variant] ?? [];
      return found instanceof Error
        ? Promise.reject(found)
        : Promise.resolve({ version: "0.5.0", devices: found, log: "" });
    },
  };
  return { options, probed };
}

const reasons = (reports: readonly BackendReport[]) =>
  Object.fromEntries(reports.map(({ variant, reason }) => [variant, reason]));

Deno.test("detection reports for every backend why it is usable or not", async () => {
  using cache = temporaryFolder();
  await install(cache, "cpu", "vulkan");
  const { options, probed } = machine(cache, ["libcuda.so.1", "libvulkan.so.1"], {
    cpu: [device("cpu", "cpu", "CPU")],
    vulkan: [device("cpu", "cpu", "CPU")],
  });
  const reports = await detectBackends(options);
  const reason = reasons(reports);
  assertEquals(reports.map(({ variant }) => variant), ["cuda", "metal", "vulkan", "opencl", "cpu"]);
  assertStringIncludes(reason.cuda ?? "", "the CUDA libraries are not installed");
  assertStringIncludes(reason.metal ?? "", "macOS only");
  assertStringIncludes(reason.vulkan ?? "", "no device: Vulkan found no GPU");
  assertStringIncludes(reason.opencl ?? "", "libOpenCL.so.1 not found");
  assertEquals(reason.cpu, null);
  assertEquals(probed.sort(), ["cpu", "vulkan"]);
  const cpu = reports.at(-1);
  assertEquals([cpu?.usable, cpu?.runtime?.source, cpu?.devices.length], [true, "cache", 1]);
});

Deno.test("a crashing driver is a reason, and its output the detail", async () => {
  using cache = temporaryFolder();
  await install(cache, "vulkan");
  const crash = new ShimmyError("backend", "the driver crashed (SIGSEGV)", { detail: "kaputt" });
  const { options } = machine(cache, ["libvulkan.so.1"], { vulkan: crash });
  const report = (await detectBackends(options)).find(({ variant }) => variant === "vulkan");
  assertEquals([report?.reason, report?.detail, report?.usable], [
    "the driver crashed (SIGSEGV)",
    "kaputt",
    false,
  ]);
});

Deno.test("a user folder has the backends of its files", async () => {
  using cache = temporaryFolder();
  using own = temporaryFolder();
  writeLibraries(own.path, ["libggml-vulkan.so"]);
  const { options } = machine(cache, [], {});
  const found = [device("vulkan", "gpu", "Vulkan0")];
  const drivers = systemWith("libcuda.so.1", "libvulkan.so.1");
  const reports = await detectBackends({
    ...options,
    folder: own.path,
    system: {
      ...drivers,
      list: (path) => path === own.path ? THIS_SYSTEM.list(path) : drivers.list(path),
    },
    probe: () => Promise.resolve({ version: "0.5.0", devices: found, log: "" }),
  });
  assertEquals(reasons(reports).cuda, "the folder in SHIMMY_LIBLLAMA has no CUDA backend");
  assertEquals(reports.find(({ variant }) => variant === "vulkan")?.devices, found);
});

Deno.test("an unsupported device is reported with the reason", async () => {
  using own = temporaryFolder();
  using cache = temporaryFolder();
  writeLibraries(own.path, ["libggml-opencl.so"]);
  const { options } = machine(cache, [], {});
  const drivers = systemWith("libOpenCL.so.1");
  const log = "ggml_opencl: device: 'pocl'\nggml_opencl: drop unsupported device 'pocl'.\n";
  const reports = await detectBackends({
    ...options,
    folder: own.path,
    system: {
      ...drivers,
      list: (path) => path === own.path ? THIS_SYSTEM.list(path) : drivers.list(path),
    },
    probe: () => Promise.resolve({ version: "0.5.0", devices: [], log }),
  });
  assertEquals(
    reasons(reports).opencl,
    "no device: llama.cpp does not support 'pocl'; its OpenCL backend supports Qualcomm Adreno " +
      "and Intel GPUs",
  );
});

Deno.test("auto chooses the best backend with a device, and checks no further", async () => {
  using cache = temporaryFolder();
  await install(cache, "cuda", "vulkan", "cpu");
  const { options, probed } = machine(cache, ["libcuda.so.1", "libvulkan.so.1"], {
    cuda: [device("cpu", "cpu", "CPU"), device("cuda", "gpu", "CUDA0")],
    vulkan: [device("vulkan", "gpu", "Vulkan0")],
  });
  const { runtime, devices, note } = await selectRuntime("auto", options);
  assertEquals([runtime.variant, devices, note], ["cuda", ["CUDA0"], null]);
  assertEquals(probed, ["cuda"]);
});

Deno.test("auto continues if a better backend has no device", async () => {
  using cache = temporaryFolder();
  await install(cache, "cuda", "vulkan", "cpu");
  const { options } = machine(cache, ["libcuda.so.1", "libvulkan.so.1"], {
    cuda: new ShimmyError("backend", "the driver crashed (SIGABRT)"),
    vulkan: [device("vulkan", "igpu", "Vulkan0"), device("vulkan", "gpu", "Vulkan1")],
  });
  const { runtime, devices } = await selectRuntime("auto", options);
  assertEquals([runtime.variant, devices], ["vulkan", ["Vulkan1"]]);
});

Deno.test("auto on a machine without drivers starts no process and notes the CPU once", async () => {
  using cache = temporaryFolder();
  await install(cache, "cpu");
  const { options, probed } = machine(cache, [], {});
  const { runtime, devices, note, reports } = await selectRuntime("auto", options);
  assertEquals([runtime.variant, devices, reports, probed], ["cpu", [], [], []]);
  assertStringIncludes(note ?? "", "Running on the CPU: no GPU driver found");
});

Deno.test("the note of auto on the CPU has the reasons for the other backends", async () => {
  using cache = temporaryFolder();
  await install(cache, "cpu", "vulkan");
  const { options } = machine(cache, ["libvulkan.so.1"], {});
  const { note } = await selectRuntime("auto", options);
  assertStringIncludes(note ?? "", "Running on the CPU (Vulkan: no device: Vulkan found no GPU");
});

Deno.test("auto starts no process on a machine whose device files show no card", async () => {
  using cache = temporaryFolder();
  await install(cache, "cpu", "vulkan");
  const { options, probed } = machine(cache, ["libvulkan.so.1"], {
    vulkan: [device("vulkan", "gpu", "Vulkan0")],
  });
  const files = (...names: string[]) => ({
    ...options,
    system: {
      ...options.system!,
      list: (path: string) => path === "/dev" ? names : options.system!.list(path),
    },
  });
  const { runtime, note } = await selectRuntime("auto", files("null", "tty"));
  assertEquals([runtime.variant, probed], ["cpu", []]);
  assertEquals(
    note,
    "Running on the CPU (Vulkan: no device: this machine has no device file of a graphics card in /dev)",
  );
  assertEquals((await selectRuntime("vulkan", files("null", "tty"))).runtime.variant, "vulkan");
  assertEquals((await selectRuntime("auto", files("null", "kfd"))).runtime.variant, "vulkan");
});

/** Selects on a machine with the Vulkan loader, and counts the downloads. */
async function fetchesOf(
  choice: "auto" | "vulkan",
  { card, embedded = null }: { readonly card: boolean; readonly embedded?: URL | null },
): Promise<{ readonly fetched: number; readonly variant: string; readonly note: string | null }> {
  using cache = temporaryFolder();
  await install(cache, "cpu");
  const archive = await libraryArchive();
  let fetched = 0;
  await using server = serve(() => {
    fetched++;
    return new Response(archive);
  });
  const { options } = machine(cache, ["libvulkan.so.1"], {
    vulkan: [device("vulkan", "gpu", "Vulkan0")],
  });
  const drivers = systemWith("libvulkan.so.1");
  const { runtime, note } = await selectRuntime(choice, {
    ...options,
    embedded,
    allowFetch: true,
    releaseBase: server.base,
    assets: [assetOf("llama.tar.gz", archive)],
    system: {
      ...drivers,
      list: (folder) => card && folder === "/dev/dri" ? ["renderD128"] : drivers.list(folder),
    },
  });
  return { fetched, variant: runtime.variant, note };
}

Deno.test("auto downloads a GPU library only with a graphics card", async () => {
  assertEquals(await fetchesOf("auto", { card: true }), {
    fetched: 1,
    variant: "vulkan",
    note: null,
  });
  const { fetched, variant, note } = await fetchesOf("auto", { card: false });
  assertEquals([fetched, variant], [0, "cpu"]);
  assertStringIncludes(note ?? "", "run `shimmy runtime install vulkan`");
});

Deno.test("an executable with built-in libraries downloads others only by name", async () => {
  using folder = temporaryFolder();
  const libraries = join(folder.path, "runtime");
  writeLibraries(join(libraries, "cpu"));
  await Deno.writeTextFile(
    join(libraries, "cpu", MANIFEST),
    JSON.stringify(await describeFolder(join(libraries, "cpu"), false)),
  );
  const embedded = new URL(`${pathToFileURL(libraries).href}/`);
  const { fetched, variant, note } = await fetchesOf("auto", { card: true, embedded });
  assertEquals([fetched, variant], [0, "cpu"]);
  assertStringIncludes(note ?? "", "run `shimmy runtime install vulkan`");
  assertEquals(await fetchesOf("vulkan", { card: true, embedded }), {
    fetched: 1,
    variant: "vulkan",
    note: null,
  });
});

Deno.test("requesting the CPU starts no process and uses no device", async () => {
  using cache = temporaryFolder();
  await install(cache, "cpu", "cuda");
  const { options, probed } = machine(cache, ["libcuda.so.1"], {});
  const { runtime, devices, note } = await selectRuntime("cpu", options);
  assertEquals([runtime.variant, devices, note, probed], ["cpu", [], null, []]);
});

Deno.test("requesting a missing backend is an error with instructions, never the CPU", async () => {
  using cache = temporaryFolder();
  await install(cache, "cpu", "vulkan");
  const { options } = machine(cache, ["libvulkan.so.1"], {});
  const cuda = await assertRejects(() => selectRuntime("cuda", options), ShimmyError);
  assertEquals(
    cuda.message,
    "--gpu-backend cuda: libcuda.so.1 not found: install NVIDIA's driver",
  );
  assertEquals([cuda.kind, cuda.field], ["backend", "gpu-backend"]);
  const vulkan = await assertRejects(() => selectRuntime("vulkan", options), ShimmyError);
  assertStringIncludes(vulkan.message, "--gpu-backend vulkan: no device");
});

Deno.test("the best usable report is chosen in order of preference", () => {
  const report = (variant: Variant, usable: boolean): BackendReport => ({
    variant,
    runtime: null,
    devices: [],
    usable,
    reason: usable ? null : "no device",
    detail: null,
  });
  const all = (["cpu", "opencl", "vulkan", "cuda"] as const).map((name) => report(name, true));
  assertEquals(chooseVariant("auto", all).variant, "cuda");
  assertEquals(chooseVariant("auto", all.slice(0, 3)).variant, "vulkan");
  assertEquals(chooseVariant("auto", all.slice(0, 2)).variant, "opencl");
  assertEquals(chooseVariant("auto", all.slice(0, 1)).variant, "cpu");
  assertEquals(chooseVariant("opencl", all), { variant: "opencl", note: null });
});

Deno.test("a cancelled detection throws", async () => {
  using cache = temporaryFolder();
  await install(cache, "cpu");
  const { options } = machine(cache, [], { cpu: new ShimmyError("cancelled", "stop") });
  const error = await assertRejects(() => detectBackends(options), ShimmyError);
  assertEquals(error.kind, "cancelled");
  assertEquals([...Deno.readDirSync(join(cache.path, "runtime"))].length, 1);
});
